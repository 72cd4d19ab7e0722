"""Sends that depart in stages: waves, gates, local time, warm-up, deadline; with real stores, on a clock that waits for nobody."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pandas as pd
import pytest

from delivery.compliance.acceptance import acceptance_of
from domain.audit import Deed
from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId, RecipientId, SendId, event_id_of
from domain.message import LedgerEntry, MessageStatus
from domain.send import SendStatus
from flows.account_for import account_for
from flows.open_send import open_send
from flows.send_campaign import resume_send, send_campaign
from letterpress.send_view import view
from runtime import clock
from runtime.house import House
from simulator.clock import SteeredClock
from storage.ledger import SqlLedger
from tests.flows.conftest import AT, recipient
from tests.flows.test_send_campaign import mailbox

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]

SEND = SendId("weekly-20261123T090000Z")
HOUR = timedelta(hours=1)
on_sqlite = pytest.mark.parametrize("house", ["sqlite"], indirect=True)  # nothing of it depends on the database
WAVES = "waves: {shares: [0.2, 0.6, 1], soak_minutes: 60, gates: {minimum: 10, bounces: 0.1}}\n"


@pytest.fixture
def ticking() -> Iterator[SteeredClock]:
    """The process goes by a clock on which waiting takes no time: each wait is over at once, ten minutes later."""
    steered = SteeredClock(AT, stride=timedelta(minutes=10))
    with clock.running_on(steered):
        yield steered


def say(house: House, text: str) -> None:
    """Add to campaign.yaml."""
    path = house.settings.campaigns_folder / "weekly" / "campaign.yaml"
    path.write_text(path.read_text() + text)


def entries(house: House) -> list[LedgerEntry]:
    """The ledger of the send."""
    known = house.recipients.load()["recipient_id"]
    return [entry for who in known if (entry := house.ledger.entry(SEND, RecipientId(who)))]


def claimed_at(house: House) -> Counter[timedelta]:
    """How many letters were claimed how long after the scheduled instant."""
    return Counter(entry.claimed_at - AT for entry in entries(house) if entry.claimed_at)


def happened(house: House, message: MessageId, kind: EventKind, at: datetime) -> None:
    """Something happens to a letter, and we are told."""
    entry = house.ledger.message(message)
    assert entry
    key = event_id_of("esp", f"{kind}|{message}")
    house.events.append([ReceivedEvent(key, "esp", kind, entry.recipient_id, message, None, at, at, "{}", SEND)])


class Bouncing:
    """A ledger of which every letter bounces as soon as it is settled, from the n-th accepted one on; keeps count of claims."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch, *, good: int, kind: EventKind = EventKind.BOUNCED) -> None:
        self.house, self.good, self.kind = house, good, kind
        self.claims: list[tuple[int, int, int]] = []  # at each: letters settled and bounced before it, and letters won
        self.settled, self.bounced = 0, 0
        claim, settle = SqlLedger.claim, SqlLedger.settle

        def claiming(ledger: SqlLedger, *args: object, **options: object) -> object:
            won = claim(ledger, *args, **options)  # type: ignore[arg-type]
            self.claims.append((self.settled, self.bounced, len(won.won)))  # type: ignore[attr-defined]
            return won

        def settling(ledger: SqlLedger, settlements: object, *, at: datetime) -> None:
            settle(ledger, settlements, at=at)  # type: ignore[arg-type]
            for one in settlements:  # type: ignore[attr-defined]
                self.settled += 1
                if self.settled > self.good:
                    happened(house, one.message_id, self.kind, at)
                    self.bounced += 1

        monkeypatch.setattr(SqlLedger, "claim", claiming)
        monkeypatch.setattr(SqlLedger, "settle", settling)


def test_waves_leave_one_after_the_other_with_a_soak_between_them(house: House, people: Callable[[int], None]) -> None:
    """A fifth at once, the next two an hour each after the one before; everybody once. While it soaks, the status says until when."""
    people(200)
    say(house, WAVES)
    said: set[str | None] = set()
    with clock.running_on(SteeredClock(AT, stride=timedelta(minutes=10), on_sleep=lambda _at: said.add(house.send(SEND).reason))):
        send_campaign("weekly", AT)
    assert said == {
        "waiting for wave 2 (soak) until 2026-11-23 10:00 UTC",
        "waiting for wave 3 (soak) until 2026-11-23 11:00 UTC",
    }
    account = account_for(house, SEND)
    assert account.adds_up and account.handed_off == len(mailbox(house)) == 140
    left = claimed_at(house)
    assert sorted(left) == [timedelta(0), HOUR, 2 * HOUR]
    assert 15 <= left[timedelta(0)] <= 45 and sum(left.values()) == 140
    seen = view(house, house.send(SEND))
    assert seen.status == "finished" and seen.reason is None
    assert [wave.finished_at for wave in seen.departure.waves] == [AT, AT + HOUR, AT + 2 * HOUR]
    assert seen.departure.gates and seen.departure.gates.verdict == "holds"
    assert seen.finished_shards["handoff"] == seen.shards
    assert [entry.what for entry in house.audit.of(SEND)][-1] is Deed.FINISHED


@on_sqlite
def test_without_waves_all_leave_in_one_pass(house: House, people: Callable[[int], None], ticking: SteeredClock) -> None:
    """Nothing is opened, nothing is waited for, no timetable is drawn up."""
    people(60)
    send_campaign("weekly", AT)
    assert set(claimed_at(house)) == {timedelta(0)}
    assert house.waves.of(SEND) == [] and house.sends.finished_shards(SEND, "timetable") == {}


def test_a_tripped_gate_stops_within_one_batch_and_nothing_leaves_after_it(
    house: House, people: Callable[[int], None], ticking: SteeredClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounces that come in while a wave leaves stop it before the next claim; the send is PAUSED, says which gate, share and limit, and
    tells it in the audit trail; what was on its way is settled."""
    monkeypatch.setenv("LETTERPRESS_HANDOFF_BATCH", "5")
    monkeypatch.setenv("LETTERPRESS_HANDOFF_CONNECTIONS", "1")
    monkeypatch.setenv("LETTERPRESS_WORKERS", "1")
    monkeypatch.setenv("LETTERPRESS_NOTIFY_EMAIL", "ops@fern.example")
    people(200)
    say(house, "waves: {shares: [0.9, 1], soak_minutes: 60, gates: {minimum: 10, bounces: 0.1}}\n")
    with monkeypatch.context() as patch:
        bouncing = Bouncing(reopened(house), patch, good=30)
        send_campaign("weekly", AT)
    stopped = house.send(SEND)
    assert stopped.status is SendStatus.PAUSED and stopped.reason and stopped.reason.startswith("a gate tripped: bounces: ")
    assert "the limit is 10.00%" in stopped.reason
    assert all(bounced <= 0.1 * settled for settled, bounced, _ in bouncing.claims)  # nothing at all is claimed over the limit
    account = account_for(house, SEND)
    assert account.handed_off == bouncing.settled <= 30 + 4 + 5 and account.unknown == {} and account.adds_up
    assert (MessageStatus.SENDING, None) not in house.ledger.counts(SEND)
    [tripped] = [entry for entry in house.audit.of(SEND) if entry.what is Deed.GATE_TRIPPED]
    assert tripped.who == "letterpress" and tripped.detail == {
        "bounces": bouncing.bounced,
        "bounces.letters": bouncing.settled,
        "bounces.limit": 0.1,
    }
    gates = view(house, stopped).departure.gates
    assert gates and gates.verdict == "tripped"
    told = [path for path in mailbox(house) if b"To: ops@fern.example" in path.read_bytes()]
    assert len(told) == 1 and b"a gate tripped" in told[0].read_bytes()


def reopened(house: House) -> House:
    """The house as settings of this test say."""
    from runtime import house as houses

    houses.shared_house.cache_clear()
    opened = houses.shared_house()
    house.database.dispose()
    return opened


@on_sqlite
def test_who_resumes_after_a_trip_accepts_what_is_out_and_the_rest_is_judged_afresh(
    house: House, people: Callable[[int], None], ticking: SteeredClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resumed, the send goes on with the bounces it had, and late bounces of letters from before do not stop it; new ones do."""
    people(200)
    say(house, WAVES)
    with monkeypatch.context() as patch:
        Bouncing(house, patch, good=0)
        send_campaign("weekly", AT)
    first = account_for(house, SEND).handed_off
    assert house.send(SEND).status is SendStatus.PAUSED and first > 0
    ticking.sleep(60)
    with monkeypatch.context() as patch:
        bouncing = Bouncing(house, patch, good=20)
        resume_send(SEND)
    second = account_for(house, SEND).handed_off
    assert house.send(SEND).status is SendStatus.PAUSED and second >= first + 20 and bouncing.bounced
    for entry in entries(house):
        happened(house, entry.message_id, EventKind.BOUNCED, ticking.now())  # late news of letters that are out
    ticking.sleep(60)
    resume_send(SEND)
    assert house.send(SEND).status is SendStatus.FINISHED
    account = account_for(house, SEND)
    assert account.adds_up and account.handed_off == len(mailbox(house)) == 140
    deeds = [entry.what for entry in house.audit.of(SEND) if entry.what is not Deed.OPENED]
    assert deeds == [Deed.GATE_TRIPPED, Deed.RESUMED, Deed.GATE_TRIPPED, Deed.RESUMED, Deed.FINISHED]
    assert {entry.who for entry in house.audit.of(SEND) if entry.what is Deed.RESUMED} == {"prefect"}


@on_sqlite
def test_a_gate_trips_in_the_soak_too(house: House, people: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Complaints that come in while nothing leaves pause the send then, not an hour later; cancelled, it ends with the rest excluded."""
    people(200)
    say(house, WAVES)
    complained: list[datetime] = []

    def complain(at: datetime) -> None:
        if at >= AT + timedelta(minutes=20) and not complained:
            complained.append(at)
            happened(house, entries(house)[0].message_id, EventKind.COMPLAINED, at)

    steered = SteeredClock(AT, stride=timedelta(minutes=10), on_sleep=complain)
    with clock.running_on(steered):
        send_campaign("weekly", AT)
        assert house.send(SEND).status is SendStatus.PAUSED and steered.now() < AT + HOUR
        assert "complaints: 1 of" in (house.send(SEND).reason or "")
        house.sends.set_status(SEND, SendStatus.CANCELLED, "cancelled by hand", steered.now())
        resume_send(SEND)
    account = account_for(house, SEND)
    assert account.pending == 0 and account.adds_up and account.excluded["cancelled"] == 140 - account.handed_off


@on_sqlite
def test_letters_that_cannot_be_printed_trip_a_gate(house: House, people: Callable[[int], None], ticking: SteeredClock) -> None:
    """A column that is missing for many stops the send in its first wave."""
    people(200)
    say(house, "waves: {shares: [0.5, 1], soak_minutes: 60, gates: {minimum: 10, render_failures: 0.1}}\n")
    row = house.recipients.load()
    odd = row["recipient_id"].str[1:].astype(int) % 2 == 1
    house.recipients.upsert(row.assign(attributes=row["attributes"].mask(odd, '{"country": "DE"}')), AT)
    open_send.fn("weekly", AT, "ada", acceptance_of(["printable"], "a test"))
    send_campaign("weekly", AT)
    stopped = house.send(SEND)
    assert stopped.status is SendStatus.PAUSED and "render failures: " in (stopped.reason or "")
    assert account_for(house, SEND).pending > 0


@on_sqlite
def test_a_send_paused_in_its_soak_goes_on_where_the_soak_was(house: House, people: Callable[[int], None]) -> None:
    """Paused after twenty minutes and resumed ten later, the second wave opens an hour after the first was out, not later."""
    people(60)
    say(house, WAVES)

    def pause(at: datetime) -> None:
        if at >= AT + timedelta(minutes=20):
            house.sends.set_status(SEND, SendStatus.PAUSED, "paused by hand", at, expected={SendStatus.RUNNING})

    with clock.running_on(SteeredClock(AT, stride=timedelta(minutes=10), on_sleep=pause)):
        send_campaign("weekly", AT)
    assert house.send(SEND).status is SendStatus.PAUSED
    with clock.running_on(SteeredClock(AT + timedelta(minutes=30), stride=timedelta(minutes=1))):
        resume_send(SEND)
    assert house.send(SEND).status is SendStatus.FINISHED
    assert set(claimed_at(house)) == {timedelta(0), HOUR, 2 * HOUR}


@on_sqlite
def test_each_gets_the_letter_when_their_clock_shows_the_time(house: House, ticking: SteeredClock) -> None:
    """Nine in the morning in Tokyo, Berlin and New York; nobody in quiet hours is left out, because their letter waits."""
    zones = ("Asia/Tokyo", "Europe/Berlin", "America/New_York")
    frame = pd.DataFrame([recipient(number) | {"time_zone": zones[number % 3], "consent": True} for number in range(45)])
    fill(house, frame)
    say(house, "departure: {local_time: 09:00}\nquiet_hours: {start: 21:00, end: 07:00}\n")
    send_campaign("weekly", AT)
    account = account_for(house, SEND)
    assert account.excluded == {} and account.handed_off == 36
    at = {row.recipient_id: house.ledger.entry(SEND, RecipientId(row.recipient_id)) for row in frame.itertuples()}
    hours = {"Asia/Tokyo": 15 * HOUR, "Europe/Berlin": 23 * HOUR, "America/New_York": 5 * HOUR}
    for row in frame.itertuples():
        if entry := at[row.recipient_id]:
            assert entry.claimed_at == AT + hours[row.time_zone]


def fill(house: House, frame: pd.DataFrame) -> None:
    """Import these recipients."""
    from domain.recipient import AttributeKind

    house.recipients.declare({"first_name": AttributeKind.TEXT, "country": AttributeKind.CATEGORICAL}, AT)
    house.recipients.upsert(frame, AT)


def test_a_warm_up_lets_so_many_leave_a_day_the_most_engaged_first(
    house: House, people: Callable[[int], None], ticking: SteeredClock
) -> None:
    """Two days with caps, then the rest on the third; those who clicked lately are among the first."""
    people(200)
    say(house, "departure: {warm_up: {began_on: 2026-11-23, per_day: [20, 50]}}\n")
    engaged = [f"r{number}" for number in (1, 2, 4, 6, 7, 8, 9, 11, 12, 14)]
    events = [
        ReceivedEvent(event_id_of("old", who), "old", EventKind.CLICKED, RecipientId(who), None, None, AT - 9 * HOUR, AT - 9 * HOUR, "{}")
        for who in engaged
    ]
    house.events.append(events)
    send_campaign("weekly", AT)
    by_day = Counter(entry.claimed_at.date().isoformat() for entry in entries(house) if entry.claimed_at)
    assert by_day == {"2026-11-23": 20, "2026-11-24": 50, "2026-11-25": 70}
    first = {entry.recipient_id for entry in entries(house) if entry.claimed_at == AT}
    assert set(engaged) <= first
    account = account_for(house, SEND)
    assert account.adds_up and account.handed_off == 140 and house.send(SEND).status is SendStatus.FINISHED


def test_at_the_deadline_whoever_is_left_is_left_out_with_that_reason(
    house: House, people: Callable[[int], None], ticking: SteeredClock
) -> None:
    """The last wave would open after two hours; after an hour and a half it is over, and the account adds up."""
    people(200)
    say(house, WAVES + "departure: {deadline_hours: 2.1, local_time: 10:30}\n")  # half an hour to wait in Berlin, then two soaks
    send_campaign("weekly", AT)
    account = account_for(house, SEND)
    assert account.adds_up and account.pending == 0 and house.send(SEND).status is SendStatus.FINISHED
    assert account.excluded["deadline"] == 140 - account.handed_off and 0 < account.handed_off < 140
    assert set(claimed_at(house)) == {timedelta(minutes=30), timedelta(minutes=90)}
    assert view(house, house.send(SEND)).departure.deadline == AT + timedelta(hours=2.1)


@on_sqlite
def test_a_deadline_holds_for_a_send_in_one_go(house: House, people: Callable[[int], None], ticking: SteeredClock) -> None:
    """A send that is taken up after its deadline hands nothing off."""
    people(60)
    say(house, "departure: {deadline_hours: 1}\n")
    ticking.set(AT + 2 * HOUR)
    send_campaign("weekly", AT)
    account = account_for(house, SEND)
    assert account.adds_up and account.handed_off == 0 and account.excluded["deadline"] == 42
    assert mailbox(house) == [] and house.send(SEND).status is SendStatus.FINISHED
