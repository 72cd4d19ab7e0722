"""A send from audience to mailbox, and what happens when it is stopped on the way."""

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.ids import SendId
from domain.message import MessageStatus, SuppressionReason
from domain.send import SendStatus
from flows.account_for import account_for
from flows.open_press import open_press
from flows.send_campaign import resume_send, send_campaign
from letterpress.explanation import explain
from runtime.house import House
from tests.flows.conftest import AT, write

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]


def mailbox(house: House) -> list[Path]:
    """The letters that were handed off."""
    return sorted((house.settings.var / "mailbox").rglob("*.eml"))


def test_everybody_in_the_audience_is_accounted_for(house: House, people: Callable[[int], None]) -> None:
    """Audience = handed off + excluded, one letter each, in the mailbox exactly what the ledger says."""
    people(200)
    house.suppressions.add("r1@mail.example", SuppressionReason.COMPLAINED, AT)
    send_id = SendId(send_campaign("weekly", AT))
    account = account_for(house, send_id)
    assert account.adds_up and account.pending == 0
    assert account.audience == 160  # every fifth lives in France
    assert account.excluded == {"no_consent": 20, "suppressed": 1}
    assert account.handed_off == len(mailbox(house)) == 139
    addresses = [message_from_bytes(path.read_bytes(), policy=policy.default)["To"] for path in mailbox(house)]
    assert len(set(addresses)) == 139
    assert house.send(send_id).status is SendStatus.FINISHED


def test_the_same_instant_is_the_same_send(house: House, people: Callable[[int], None]) -> None:
    """Running a send again repeats nothing."""
    people(60)
    first = send_campaign("weekly", AT)
    before = {path: path.stat().st_mtime_ns for path in mailbox(house)}
    assert send_campaign("weekly", AT) == first
    assert {path: path.stat().st_mtime_ns for path in mailbox(house)} == before


def test_every_letter_can_be_printed_again_byte_for_byte(house: House, people: Callable[[int], None]) -> None:
    """`why` prints the very bytes that were handed off, after recipients and templates have changed."""
    people(100)
    send_id = send_campaign("weekly", AT)
    people(100)
    write(house.settings.campaigns_folder / "weekly" / "hero" / "spring.mjml", "---\ncategory: garden\n---\n<mj-section></mj-section>\n")
    for number in range(1, 100):
        if number % 5 == 0 or number % 10 == 3:
            continue
        why, letter = explain(house, house.send(send_id), f"r{number}")
        assert letter and why.message and why.same_bytes
        [path] = [path for path in mailbox(house) if path.stem == why.message.message_id]
        assert path.read_bytes() == letter.mime


def test_decisions_are_readable_in_the_decision_store(house: House, people: Callable[[int], None]) -> None:
    """What a letter showed is what the store answers for that recipient and placement."""
    people(50)
    send_id = send_campaign("weekly", AT)
    content = house.contents.load(house.send(send_id).content_version)
    decisions = house.lake.read("decisions", {"send_id": send_id})
    for row in decisions[decisions["placement"] == "weekly.hero"].itertuples():
        found = house.decisions.get(row.recipient_id, row.placement, house.send(send_id).as_of, content.default_slate(row.placement))
        assert found.variants == (row.variant,) and not found.is_default


def test_conditions_of_variants_and_the_holdout_are_kept(house: House, people: Callable[[int], None]) -> None:
    """A variant for Germany is shown in Germany alone, and the holdout gets the default content with propensity 1."""
    people(600)
    send_id = send_campaign("weekly", AT)
    decisions = house.lake.read("decisions", {"send_id": send_id})
    country = decisions["recipient_id"].str.slice(1).astype(int) % 5
    assert set(country[decisions["variant"] == "books"]) == {1}
    holdout = decisions[decisions["arm"] == "holdout"]
    assert len(holdout) > 0 and set(holdout["variant"]) == {"default"} and set(holdout["propensity"]) == {1.0}
    assert house.holdouts.members("holdout-1") == set(holdout["recipient_id"])


def test_nobody_to_write_to_leaves_nothing_behind(house: House, people: Callable[[int], None]) -> None:
    """An empty audience is refused with the reasons counted, and the send taken back."""
    people(5)
    for number in range(5):
        house.suppressions.add(f"r{number}@mail.example", SuppressionReason.MANUAL, AT)
    with pytest.raises(InputError, match="nobody is left"):
        send_campaign("weekly", AT)
    assert house.sends.list() == [] and mailbox(house) == []


def test_a_relay_that_is_down_is_refused_before_the_send(
    house: House, people: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No send is opened when its ESP does not answer."""
    people(10)
    text = (house.settings.campaigns_folder / "weekly" / "campaign.yaml").read_text()
    write(house.settings.campaigns_folder / "weekly" / "campaign.yaml", text + "esp: smtp://127.0.0.1:9\n")
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):
        send_campaign("weekly", AT)
    assert house.sends.list() == []


def test_a_letter_that_cannot_be_printed_fails_with_its_reason_and_the_others_go_out(house: House, people: Callable[[int], None]) -> None:
    """A missing value costs one recipient their letter, not the send."""
    people(30)
    row = house.recipients.by_ids(["r1"]).assign(attributes='{"country": "DE"}')  # type: ignore[list-item]
    house.recipients.upsert(row, AT)
    send_id = SendId(send_campaign("weekly", AT))
    account = account_for(house, send_id)
    assert account.adds_up and sum(account.failed.values()) == 1
    assert all("first_name" in reason for reason in account.failed)


def test_a_paused_send_is_finished_by_resume(house: House, people: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that is paused while it runs stops before the next claim; resume hands off the rest, nobody twice."""
    people(200)
    claim = house.ledger.claim

    def pausing_claim(*args: object, **options: object) -> object:
        house.sends.set_status(SendId("weekly-20261123T090000Z"), SendStatus.PAUSED, "paused by hand", AT)
        return claim(*args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(house.ledger), "claim", lambda _self, *args, **options: pausing_claim(*args, **options))
        send_id = SendId(send_campaign("weekly", AT))
    stopped = account_for(house, send_id)
    assert house.send(send_id).status is SendStatus.PAUSED and 0 < stopped.handed_off < 140
    resume_send(send_id)
    account = account_for(house, send_id)
    assert account.adds_up and account.handed_off == len(mailbox(house)) == 140
    assert house.ledger.counts(send_id) == {(MessageStatus.ACCEPTED, None): 140}


def test_the_press_prints_what_a_new_process_prints(house: House, people: Callable[[int], None]) -> None:
    """Two presses of one send are alike: nothing of a letter depends on the process that prints it."""
    people(20)
    send = house.send(send_campaign("weekly", AT))
    recipient = house.recipients.get("r1")
    assert recipient is not None
    assert open_press(house, send).compose(recipient, {}) == open_press(house, send).compose(recipient, {})
