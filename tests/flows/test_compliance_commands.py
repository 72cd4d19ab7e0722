"""`check`, `audit`, `approvals` and `approve`, as they are typed; `send` itself has journeys."""

from collections.abc import Callable

import orjson
import pytest
from typer.testing import CliRunner, Result

from domain.audit import AuditEntry, Deed
from domain.errors import InputError
from domain.ids import SendId
from domain.send import SendStatus
from letterpress.main import app
from runtime.house import House
from tests.flows.conftest import AT
from tests.flows.test_approve_send import frozen, opened
from tests.flows.test_open_send import spoil


def run(*arguments: str) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_check_tells_what_is_not_checked_and_why_and_passes(house: House, people: Callable[[int], None]) -> None:
    """On the defaults nothing stops a send; what passed is told on demand."""
    people(60)
    short, whole = run("check", "weekly"), run("check", "weekly", "--all")
    assert (short.exit_code, whole.exit_code) == (0, 0)
    assert "nothing stops a send; 0 stop" in short.output and "letters go into a folder and reach nobody" in short.output
    assert "merge_tags" not in short.output and "merge_tags  no merge tag is left" in whole.output


def test_check_ends_with_2_when_a_send_would_be_stopped(house: House, people: Callable[[int], None]) -> None:
    """The JSON has every finding with its place; nothing was written."""
    people(60)
    spoil(house)
    ran = run("check", "weekly", "--json")
    report = orjson.loads(ran.output)
    [stop] = report["stops"]
    assert ran.exit_code == 2 and stop["check"] == "merge_tags" and stop["where"].endswith("weekly/hero/spring.mjml:5")
    assert report["counts"]["stop"] == 1 and report["letters"] > 0
    assert "stop        merge_tags  readers would see *|FNAME|*" in run("check", "weekly").output
    assert house.sends.list() == [] and house.audit.of() == []


def test_the_trail_is_listed_in_the_order_of_the_deeds(house: House) -> None:
    """Of one send, or of all; names and reasons are not read as markup."""
    for who, what, send, why in (
        ("Ann", Deed.OPENED, "a-1", None),
        ("[red]Bob", Deed.CANCELLED, "a-1", "[b]late"),
        ("Zoe", Deed.OPENED, "b-1", None),
    ):
        house.audit.add(AuditEntry(AT, who, what, SendId(send), why, {"shards": 2}))
    trail = orjson.loads(run("audit", "a-1", "--json").output)
    assert [(one["who"], one["what"], one["why"]) for one in trail] == [("Ann", "opened", None), ("[red]Bob", "cancelled", "[b]late")]
    assert trail[0]["detail"] == {"shards": 2} and trail[0]["at"] == "2026-11-23T09:00:00Z"
    assert len(orjson.loads(run("audit", "--json").output)) == 3
    assert "[red]Bob" in run("audit").output and "shards: 2" in run("audit").output
    with pytest.raises(InputError, match="there is no send 'c-1'"):
        run("audit", "c-1")


def test_nothing_done_is_told(house: House) -> None:
    """An empty trail, and no send that asks for approval."""
    assert "nothing was done yet" in run("audit").output and "no send asks for approval" in run("approvals").output
    assert orjson.loads(run("approvals", "--json").output) == []


def test_approving_shows_what_is_approved(house: House, people: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting first, seen in detail, approved by another person, then listed as such; with how to go on."""
    people(130)
    send = frozen(house).send_id
    [waiting] = orjson.loads(run("approvals", "--json").output)
    assert (waiting["state"], waiting["opened_by"], waiting["approved_by"]) == ("waiting", "Ann", None)
    look = run("approvals", send).output
    assert f"approve it with:\n  letterpress approve {send}" in look and "books" in look and house.approvals.of(send) is None
    monkeypatch.setenv("LETTERPRESS_BY", "Ann")
    with pytest.raises(InputError, match="another person"):
        run("approve", send)
    approved = orjson.loads(run("approve", send, "--by", "Bob", "--json").output)
    assert approved["approval"]["approved_by"] == "Bob" and approved["letters"] == 91
    assert approved["approval"]["audience_hash"] == approved["audience_hash"]
    assert f"let it go with:\n  letterpress resume {send}" in run("approvals", send).output
    [listed] = orjson.loads(run("approvals", "--json").output)
    assert (listed["state"], listed["approved_by"]) == ("approved", "Bob")
    assert "Bob" in run("approvals").output


def test_what_was_accepted_is_shown_to_who_approves(house: House, people: Callable[[int], None]) -> None:
    """With who accepted it, and why."""
    people(60)
    send = frozen(house).send_id
    detail = {"check": "subject", "level": "stop", "found": "is empty"}
    house.audit.add(AuditEntry(AT, "Ann", Deed.ACCEPTED, send, "it is meant so", detail))
    assert "accepted in spite of the check: subject: is empty (Ann: it is meant so)" in run("approvals", send).output


def test_sends_that_are_not_ready_or_over_are_listed_as_such(house: House, people: Callable[[int], None]) -> None:
    """One that is still deciding is not ready; one that was cancelled without approval is gone from the list."""
    people(60)
    send = opened(house)
    assert orjson.loads(run("approvals", "--json").output)[0]["state"] == "not ready"
    house.sends.set_status(send.send_id, SendStatus.CANCELLED, None, AT)
    assert orjson.loads(run("approvals", "--json").output) == []
