"""A send that another person has to approve: what is approved, by whom, and what an approval is good for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.logging import disable_run_logger

from delivery.stopping import SendStopped
from domain.audit import Deed
from domain.errors import InputError
from domain.send import Send, SendStatus
from flows.approval import audience_hash, require_approval
from flows.approve_send import approve_send, for_approval
from flows.decide_shards import decide_shards
from flows.plan_send import checked_content, planned_send
from flows.run_stage import shard_name
from flows.select_audience import select_audience
from runtime.house import House
from tests.flows.conftest import AT

pytestmark = pytest.mark.usefixtures("prefect")  # which an event is told of a send that waits
CHANGES = (
    ("audience", "address", "other@mail.example"),
    ("audience", "exclusion", "suppressed"),
    ("audience", "arm", "explore-2"),
    ("audience", "attributes", "{}"),
    ("decisions", "variant", "another"),
    ("decisions", "position", 9),
    ("decisions", "recipient_id", "r0"),
)


def opened(house: House, *, approval: bool = True, by: str | None = "Ann") -> Send:
    """A send of the campaign that is running and has decided nothing yet."""
    content = checked_content(house, "weekly")
    content = replace(content, campaign=replace(content.campaign, approval=approval))
    house.contents.save(content, AT)
    send = house.sends.open(planned_send(house, content, AT, AT, by), AT)
    house.sends.set_status(send.send_id, SendStatus.RUNNING, None, AT)
    return house.send(send.send_id)


def frozen(house: House, *, approval: bool = True, by: str | None = "Ann") -> Send:
    """A send whose audience and decisions are frozen."""
    send = opened(house, approval=approval, by=by)
    select_audience.fn(send.send_id, list(range(send.shards)))
    decide_shards.fn(send.send_id, list(range(send.shards)))
    return house.send(send.send_id)


def test_a_send_that_needs_no_approval_goes_on(house: House, people: Callable[[int], None]) -> None:
    """Nothing is asked and nothing is paused."""
    people(60)
    send = frozen(house, approval=False)
    require_approval(house, send.send_id)
    assert house.send(send.send_id).status is SendStatus.RUNNING
    with pytest.raises(InputError, match="needs no approval"):
        for_approval(house, send.send_id)


def test_a_send_without_approval_is_paused_with_what_to_do(house: House, people: Callable[[int], None]) -> None:
    """Its reason names the command, the trail has it, and people are told of it by mail, once."""
    people(130)
    told = replace(house, settings=replace(house.settings, notify_email="ops@fern.example"))
    send = frozen(told)
    for _ in range(2):
        stopped(told, send)
        house.sends.set_status(send.send_id, SendStatus.RUNNING, None, AT)
    stopped(told, send)
    assert house.send(send.send_id).status is SendStatus.PAUSED
    assert house.send(send.send_id).reason == f"waits for approval by another person: letterpress approve {send.send_id}"
    assert {entry.what for entry in house.audit.of(send.send_id)} == {Deed.PAUSED}
    [mail] = (house.settings.var / "mailbox").rglob("*.eml")
    assert f"Subject: {send.send_id} waits for approval" in mail.read_text() and "opened by Ann" in mail.read_text()


def stopped(house: House, send: Send) -> None:
    """Require the approval that is not there."""
    with disable_run_logger(), pytest.raises(SendStopped):
        require_approval(house, send.send_id)


def test_another_persons_approval_lets_it_go(house: House, people: Callable[[int], None]) -> None:
    """What was shown is what is approved; giving it again changes nothing."""
    people(130)
    send = frozen(house)
    seen = for_approval(house, send.send_id)
    assert (seen.letters, seen.excluded, seen.approval) == (91, {"no_consent": 13}, None)
    assert {row["placement"] for row in seen.variants} == {"weekly.hero", "weekly.subject"}
    assert "Reader" in Path(seen.sample_letter).read_text() and "Ann 1" not in Path(seen.sample_letter).read_text()
    given = approve_send(house, seen, "Bob")
    assert approve_send(house, for_approval(house, send.send_id), "Zoe") == given
    require_approval(house, send.send_id)
    assert house.send(send.send_id).status is SendStatus.RUNNING
    [entry] = house.audit.of(send.send_id)
    assert (entry.who, entry.what, entry.detail["audience_hash"]) == ("Bob", Deed.APPROVED, seen.audience_hash)


@pytest.mark.parametrize("by", ["Ann", " ann ", "ANN"])
def test_nobody_approves_their_own_send(house: House, people: Callable[[int], None], by: str) -> None:
    """However they spell their name."""
    people(60)
    seen = for_approval(house, frozen(house).send_id)
    with pytest.raises(InputError, match="another person has to approve it"):
        approve_send(house, seen, by)
    assert house.approvals.of(seen.send_id) is None


def test_a_schedules_send_may_be_approved_by_anybody(house: House, people: Callable[[int], None]) -> None:
    """Nobody opened it."""
    people(60)
    seen = for_approval(house, frozen(house, by=None).send_id)
    assert approve_send(house, seen, "Ann").approved_by == "Ann"


def test_an_approval_does_not_hold_for_another_audience(house: House, people: Callable[[int], None]) -> None:
    """One recipient fewer in one shard's file, and the send waits again, saying so."""
    people(200)
    send = frozen(house)
    approve_send(house, for_approval(house, send.send_id), "Bob")
    assert send.shards > 1
    partition = {"send_id": send.send_id}
    audience = house.lake.read("audience", partition, name=shard_name(1))
    house.lake.write("audience", audience.iloc[:-1], partition=partition, name=shard_name(1))
    stopped(house, send)
    assert "not what was approved" in (house.send(send.send_id).reason or "")


def test_the_hash_tells_every_change_that_changes_a_letter(house: House, people: Callable[[int], None]) -> None:
    """One value of one row, one row less, two rows in another order; and it is the same as long as nothing changes."""
    people(130)
    send = frozen(house)
    partition, name, seen = {"send_id": send.send_id}, shard_name(0), {audience_hash(house, send)}
    for table, column, value in CHANGES:
        frame = house.lake.read(table, partition, name=name)
        changed = frame.copy()
        changed.loc[changed.index[3], column] = value
        for each in (changed, frame.iloc[1:], frame.iloc[::-1]):
            house.lake.write(table, each, partition=partition, name=name)
            seen.add(audience_hash(house, send))
        house.lake.write(table, frame, partition=partition, name=name)
        assert audience_hash(house, send) in seen
    assert len(seen) == 1 + len(CHANGES) + 2 * 2 and {len(one) for one in seen} == {32}


def test_there_is_nothing_to_approve_before_the_audience_is_frozen(house: House, people: Callable[[int], None]) -> None:
    """Nor after the send is over."""
    people(60)
    send = opened(house)
    with pytest.raises(InputError, match="not decided yet"):
        for_approval(house, send.send_id)
    house.sends.set_status(send.send_id, SendStatus.CANCELLED, "cancelled by hand", AT)
    with pytest.raises(InputError, match="nothing left to approve"):
        for_approval(house, send.send_id)
