"""Sends in doubt, as installations have them: reprinted, repeated, settled by events, handed off again, listed."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from delivery.reconcile import Reconciled
from delivery.stopping import SendStopped
from domain.audit import Deed
from domain.errors import InputError
from domain.event import EventKind, ReceivedEvent
from domain.ids import SendId
from domain.ledger import Settlement
from domain.message import LedgerEntry, MessageStatus, SuppressionReason
from domain.send import SendStatus
from flows.account_for import account_for
from flows.open_esp import open_esp
from flows.open_pace import open_pace
from flows.reconcile_send import await_workers, reconcile_send, settle_run
from flows.reconcile_sends import reconcile_sends
from flows.send_campaign import resume_send, send_campaign
from flows.take_up_send import take_up_send
from letterpress.main import app
from runtime.clock import now, running_on
from runtime.house import House, shared_house
from simulator.esp.handle import SimulatedEsp
from tests.flows.conftest import AT, write

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]

PEOPLE, ADMITTED = 100, 70


@pytest.fixture(scope="module")
def running_esp() -> Iterator[SimulatedEsp]:
    """One simulated ESP for all tests here."""
    with SimulatedEsp.start() as esp:
        yield esp


@pytest.fixture
def esp(running_esp: SimulatedEsp) -> SimulatedEsp:
    """It, empty and without faults."""
    running_esp.set_faults("")
    running_esp.reset()
    return running_esp


@pytest.fixture
def to_esp(house: House, esp: SimulatedEsp, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], House]:
    """A house whose letters go to one of its providers, ten at a time."""

    def opened(provider: str) -> House:
        house.database.dispose()
        monkeypatch.setenv("LETTERPRESS_ESP", f"{provider}://:KEY@{esp.host}")
        monkeypatch.setenv("LETTERPRESS_HANDOFF_BATCH", "10")
        shared_house.cache_clear()
        return shared_house()

    return opened


def policy(house: House, text: str) -> None:
    """Add to the campaign file."""
    path = house.settings.campaigns_folder / "weekly" / "campaign.yaml"
    write(path, path.read_text() + text)


def unknowns(house: House, send_id: SendId) -> list[LedgerEntry]:
    """The letters of which nobody knows."""
    return house.ledger.unknowns(send_id)


def change(house: House, table: str, where: str, **values: str) -> None:
    """Write into the database what no part of Letterpress writes."""
    told = ", ".join(f"{name} = '{value}'" for name, value in values.items())
    with house.database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {table} SET {told} WHERE {where}")  # noqa: S608 - our own words


def as_a_dead_run_left_them(house: House, send_id: SendId) -> list[LedgerEntry]:
    """All letters of a send become unknown, as if its run had died before any answer was written down; they keep their calls."""
    change(house, "messages", "status = 'accepted'", status="unknown", reason="the run that claimed it died")
    return unknowns(house, send_id)


@pytest.mark.parametrize("provider", ["resend", "sparkpost"])
def test_calls_are_made_again_from_what_was_frozen(
    to_esp: Callable[[str], House], esp: SimulatedEsp, people: Callable[[int], None], provider: str
) -> None:
    """Letters printed again, in the calls they were claimed in: the ESP recognises every one, nobody gets two, nothing stays unknown."""
    house = to_esp(provider)
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    assert len(as_a_dead_run_left_them(house, send_id)) == ADMITTED
    people(PEOPLE + 10)  # what has changed since is of no account
    assert reconcile_sends() == [send_id]
    assert unknowns(house, send_id) == []
    assert set(esp.accepted(provider).values()) == {1} and len(esp.accepted(provider)) == ADMITTED
    assert esp.counts(provider).replayed > 0
    assert account_for(house, send_id).handed_off == ADMITTED


def test_calls_that_never_arrived_are_made_for_the_first_time(
    to_esp: Callable[[str], House], esp: SimulatedEsp, people: Callable[[int], None]
) -> None:
    """A run that died between claim and call: whoever was not written to is now; suppressed since, they keep their whole call in doubt."""
    house = to_esp("resend")
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    entries = as_a_dead_run_left_them(house, send_id)
    esp.reset()
    unlucky = entries[0]
    house.suppressions.add(f"{unlucky.recipient_id}@mail.example", SuppressionReason.COMPLAINED, AT)
    reconcile_sends()
    left = unknowns(house, send_id)
    assert {entry.batch for entry in left} == {unlucky.batch} and unlucky.message_id not in esp.accepted("resend")
    assert len(esp.accepted("resend")) == ADMITTED - len(left)


def test_a_stopped_send_repeats_nothing(to_esp: Callable[[str], House], esp: SimulatedEsp, people: Callable[[int], None]) -> None:
    """Paused or cancelled: repeating may be the first time that a letter goes out, so it waits for `resume`, or for ever."""
    house = to_esp("resend")
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    as_a_dead_run_left_them(house, send_id)
    for status in (SendStatus.PAUSED, SendStatus.CANCELLED):
        house.sends.set_status(send_id, status, "by hand", AT)
        before = esp.counts("resend").replayed
        reconcile_sends()
        assert len(unknowns(house, send_id)) == ADMITTED and esp.counts("resend").replayed == before
    house.sends.set_status(send_id, SendStatus.PAUSED, "by hand", AT)
    resume_send(send_id)
    assert unknowns(house, send_id) == [] and house.send(send_id).status is SendStatus.FINISHED


def test_events_settle_what_nothing_else_can(to_esp: Callable[[str], House], people: Callable[[int], None]) -> None:
    """Where calls cannot be repeated, an event about a letter does it; the others stay, and are listed."""
    house = to_esp("sendgrid")
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    first, *others = as_a_dead_run_left_them(house, send_id)
    event = ReceivedEvent("e1", "sendgrid", EventKind.DELIVERED, first.recipient_id, first.message_id, None, AT, AT, "{}")
    house.events.append([event])
    reconcile_sends()
    assert unknowns(house, send_id) == others
    listed = CliRunner().invoke(app, ["unknowns", send_id, "--json"])
    rows = json.loads(listed.stdout)
    assert {row["recipient_id"] for row in rows} == {entry.recipient_id for entry in others}
    assert {(row["reason"], row["fate"]) for row in rows} == {("the run that claimed it died", "stays")}
    assert "@mail.example" not in listed.stdout
    told = CliRunner().invoke(app, ["unknowns", send_id])  # as wide as it may be: only the line above the table is not wrapped
    assert f"{len(others)} unknown ({len(others)} stays)" in told.stdout


class Later:
    """The machine's clock, so many hours ahead; waiting takes no time."""

    def __init__(self, hours: float) -> None:
        self.ahead = timedelta(hours=hours)

    def now(self) -> datetime:
        return datetime.now(AT.tzinfo) + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


def test_at_least_once_hands_off_again_when_no_evidence_came(
    to_esp: Callable[[str], House], esp: SimulatedEsp, people: Callable[[int], None]
) -> None:
    """After the hours that the campaign says, a finished send is taken up again: what was unknown goes out, audited, and it finishes
    once more. Before that nothing happens, and nothing twice."""
    house = to_esp("sendgrid")
    policy(house, "departure: {unknown: at_least_once, unknown_after_hours: 6}\n")
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    doubtful = [entry for entry in as_a_dead_run_left_them(house, send_id) if int(entry.recipient_id[1:]) < 50]
    rest = {entry.message_id for entry in unknowns(house, send_id)} - {entry.message_id for entry in doubtful}
    house.ledger.settle([Settlement(message, MessageStatus.ACCEPTED) for message in rest], at=now())
    reconcile_sends()
    assert len(unknowns(house, send_id)) == len(doubtful)
    with running_on(Later(7)):
        reconcile_sends()
        assert house.send(send_id).status is SendStatus.FINISHED
        assert account_for(house, send_id).adds_up and account_for(house, send_id).handed_off == ADMITTED
        assert reconcile_sends() == []
    again = Counter(esp.accepted("sendgrid"))
    assert {message for message, count in again.items() if count == 2} == {entry.message_id for entry in doubtful}
    [repeated] = [entry for entry in house.audit.of(send_id) if entry.what is Deed.REPEATED]
    assert repeated.detail == {"letters": len(doubtful)}


def test_nothing_is_handed_off_again_after_the_deadline(
    to_esp: Callable[[str], House], esp: SimulatedEsp, people: Callable[[int], None]
) -> None:
    """A letter that may not leave any more stays unknown rather than become one that was left out."""
    house = to_esp("sendgrid")
    policy(house, "departure: {unknown: at_least_once, unknown_after_hours: 6, deadline_hours: 2}\n")
    people(PEOPLE)
    at = now()
    send_id = SendId(send_campaign("weekly", at))
    as_a_dead_run_left_them(house, send_id)
    with running_on(Later(7)):
        reconcile_sends()
    assert len(unknowns(house, send_id)) == ADMITTED and set(esp.accepted("sendgrid").values()) == {1}


def test_claims_of_a_worker_that_died_alone_are_found_out_about(to_esp: Callable[[str], House], people: Callable[[int], None]) -> None:
    """A worker is a run of its own. While it lives its claims are its own; when it is dead they are settled by the run that leads."""
    house = to_esp("resend")
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    leader, worker = house.runs.start(send_id, now()), house.runs.start(send_id, now())
    change(house, "messages", "status = 'accepted'", status="sending", run_id=worker)
    assert reconcile_send(house, send_id) == Reconciled()
    assert len(house.ledger.claimed_by(send_id)) == 1
    change(house, "runs", f"run_id = '{worker}'", process_started="long ago")  # the process that it was is gone
    assert settle_run(house, send_id, leader) == Reconciled(accepted=ADMITTED)


def test_the_last_workers_are_waited_for(house: House, people: Callable[[int], None]) -> None:
    """A run that leads does not end while a worker on another host may be alive; one that is silent for long is not waited for."""
    people(PEOPLE)
    send_id = SendId(send_campaign("weekly", AT))
    clock = Later(0)
    with running_on(clock):
        leader, worker = house.runs.start(send_id, now()), house.runs.start(send_id, now())
        change(house, "runs", f"run_id = '{worker}'", host="elsewhere")
        change(house, "messages", "recipient_id = 'r1'", status="sending", run_id=worker)
        await_workers(house, send_id, leader)
        assert timedelta(seconds=60) <= clock.ahead < timedelta(seconds=65)
        with pytest.raises(InputError, match="is being worked on"):
            take_up_send(house, send_id)


def test_pace_is_what_the_account_and_the_campaign_allow(to_esp: Callable[[str], House], people: Callable[[int], None]) -> None:
    """A campaign's limit per minute holds over processes, beside the calls that the ESP allows; a folder alone has none."""
    house = to_esp("resend")
    people(10)
    policy(house, "departure: {per_minute: 120}\n")
    send_id = SendId(send_campaign("weekly", AT))
    campaign = house.contents.load(house.send(send_id).content_version).campaign
    esp = open_esp(house, campaign)
    paces = [open_pace(house, esp, campaign) for _ in range(2)]
    granted = [pace.take(100, at=now()).messages for pace in paces]
    assert 0 < sum(granted) <= 4


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_two_workers_on_one_send_one_killed(
    to_esp: Callable[[str], House], esp: SimulatedEsp, people: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    """Real processes, each a run of its own beside the one that leads: one is killed with -9 while its call is on its way. Nobody is
    written to twice; where calls can be repeated nothing stays unknown, elsewhere its claims are listed; and the account adds up."""
    house = to_esp(provider)
    people(PEOPLE)
    send_id = decided_only(house, monkeypatch)
    leader = house.runs.start(send_id, now())
    esp.set_faults("#2=late,late_seconds=20")
    command = [sys.executable, "-m", "tests.flows.worker", send_id, leader]
    workers = [subprocess.Popen(command) for _ in range(2)]
    until(lambda: any(worker.poll() == 0 for worker in workers) and only_one_holds(house, send_id), "the others to be done")
    [holder] = house.ledger.claimed_by(send_id)
    [pid] = [run.pid for run in house.runs.live(send_id, now()) if run.run_id == holder]
    [dying] = [worker for worker in workers if worker.pid == pid]
    calls_worth = standing(house, send_id)[MessageStatus.SENDING]
    dying.kill()
    dying.wait()
    esp.advance(30)  # the answer that nobody waits for any more has been given
    found = settle_run(house, send_id, leader)
    account = account_for(house, send_id)
    assert set(esp.accepted(provider).values()) == {1} and len(esp.accepted(provider)) >= ADMITTED - found.unproved
    assert account.adds_up and account.pending == 0
    assert (found.accepted, found.unproved) == ((calls_worth, 0) if provider == "resend" else (0, calls_worth))
    assert account.handed_off == ADMITTED - found.unproved and len(unknowns(house, send_id)) == found.unproved
    house.runs.end(leader, now())


def decided_only(house: House, monkeypatch: pytest.MonkeyPatch) -> SendId:
    """A running send of which everything but the hand-off is done."""

    def stop(house: House, send_id: SendId, run_id: str) -> None:
        house.sends.set_status(send_id, SendStatus.PAUSED, "by hand", AT)
        raise SendStopped(SendStatus.PAUSED)

    with monkeypatch.context() as patch:
        patch.setattr("flows.deliver_send.hand_off_send", stop)
        send_id = SendId(send_campaign("weekly", AT))
    house.sends.set_status(send_id, SendStatus.RUNNING, None, AT)
    return send_id


def standing(house: House, send_id: SendId) -> Counter[MessageStatus]:
    """How many letters stand where."""
    counted = Counter[MessageStatus]()
    for (status, _reason), count in house.ledger.counts(send_id).items():
        counted[status] += count
    return counted


def only_one_holds(house: House, send_id: SendId) -> bool:
    """Whether every letter has been claimed, and the one call that is answered late is all that is not settled."""
    before = standing(house, send_id)
    time.sleep(0.3)
    return before.total() == ADMITTED and 0 < before[MessageStatus.SENDING] <= 10 and standing(house, send_id) == before


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for it; an AssertionError if it never comes."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"waited a minute for {what}"
        time.sleep(0.02)
