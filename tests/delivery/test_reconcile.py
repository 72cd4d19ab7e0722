"""Unknown outcomes are resolved by evidence, or by making the very call again where the ESP recognises it; by nothing else."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from delivery.answers import Accepted, Answer, Rejected, Retry, Unknown
from delivery.esp.address import parse_address
from delivery.esp.folder import Folder
from delivery.esp.port import Call
from delivery.esp.smtp import Smtp
from delivery.handoff import HandOffCounts
from delivery.prospects import Fate, Prospect, prospect_of
from delivery.reconcile import Reconciled, overdue, reconcile
from domain.departure import Departure, UnknownPolicy
from domain.event import EventKind, ReceivedEvent
from domain.ids import MessageId
from domain.message import LedgerEntry, Letter, MessageStatus
from storage.database import Database
from storage.events import Events
from storage.ledger import SqlLedger
from tests.delivery.letters import SEND, letter, letters
from tests.delivery.world import AT, ToldEsp, run


def test_proofs_are_settled_and_silence_is_not(database: Database) -> None:
    """Accepted, rejected and never received are settled; what the ESP is silent or unsure about stays unknown."""
    proofs: list[Answer] = [
        Accepted(letter(0).message_id, "Q0"),
        Rejected(letter(1).message_id, "bounced"),
        Retry(letter(2).message_id, "never had it"),
        Unknown(letter(3).message_id, "cannot say"),
        Accepted(letter(99).message_id),
    ]
    esp = ToldEsp(lambda given: Unknown(given.message_id, "no answer"), proofs=lambda _ids: proofs)
    ledger = SqlLedger(database)
    run(letters(5), esp, ledger)
    assert reconcile(ledger, esp, SEND, clock=lambda: AT) == Reconciled(accepted=1, rejected=1, given_back=1, unproved=2)
    again = ToldEsp()
    assert run(letters(5), again, ledger, run_id="run-2") == HandOffCounts(accepted=1, held=4)
    assert again.taken == ["r2"]


def test_another_accounts_silence_proves_nothing(database: Database, tmp_path: Path) -> None:
    """Letters that were handed to one folder are not looked for in another."""
    ledger = SqlLedger(database)
    run(letters(2), ToldEsp(lambda given: Unknown(given.message_id, "no answer"), name="folder:/elsewhere"), ledger)
    assert reconcile(ledger, Folder(tmp_path), SEND, clock=lambda: AT) == Reconciled(0, 0, 0, unproved=2)


def test_a_folder_proves_everything(database: Database, tmp_path: Path) -> None:
    """Claims of a dead run: those that lie in the folder are accepted, the others may go out."""
    ledger, folder = SqlLedger(database), Folder(tmp_path)

    class Dying(Folder):
        def hand_off(self, batch):  # type: ignore[no-untyped-def]
            list(super().hand_off(batch[:2]))
            return [Unknown(one.message_id, "the run died") for one in batch]

    run(letters(5), Dying(tmp_path), ledger)
    assert reconcile(ledger, folder, SEND, clock=lambda: AT) == Reconciled(accepted=2, rejected=0, given_back=3, unproved=0)
    assert run(letters(5), folder, ledger, run_id="run-2") == HandOffCounts(accepted=3, held=2)


def test_smtp_leaves_unknowns_as_they_are(database: Database) -> None:
    """A relay cannot be asked, so nothing changes."""
    ledger = SqlLedger(database)
    relay = Smtp.at(parse_address("smtp://127.0.0.1:25"))
    run(letters(3), ToldEsp(lambda given: Unknown(given.message_id, "no answer"), name=relay.name), ledger)
    assert reconcile(ledger, relay, SEND, clock=lambda: AT).unproved == 3
    entries: Counter[MessageStatus] = Counter(entry.status for entry in ledger.unknowns(SEND) if isinstance(entry, LedgerEntry))
    assert entries == {MessageStatus.UNKNOWN: 3}


def happened(number: int, kind: EventKind = EventKind.DELIVERED, message: MessageId | None = None) -> ReceivedEvent:
    """An event about the letter to r<number>."""
    message = message or letter(number).message_id
    return ReceivedEvent(f"event-{number}-{kind}", "resend", kind, None, message, None, AT, AT, "{}")


@pytest.mark.parametrize("kind", [EventKind.DELIVERED, EventKind.BOUNCED, EventKind.OPENED, EventKind.CLICKED, EventKind.UNKNOWN])
def test_an_event_proves_that_it_went_out(database: Database, kind: EventKind) -> None:
    """Whatever happened to a letter, whoever tells of it: it was taken. Letters that nothing is told of stay as they are."""
    ledger = SqlLedger(database)
    run(letters(3), ToldEsp(lambda given: Unknown(given.message_id, "no answer")), ledger)
    Events(database).append([happened(1, kind), happened(9)])
    assert reconcile(ledger, ToldEsp(name="another"), SEND, clock=lambda: AT) == Reconciled(accepted=1, unproved=2)
    entry = ledger.entry(SEND, letter(1).recipient_id)
    assert entry is not None and entry.status is MessageStatus.ACCEPTED and entry.reason is None


def test_what_is_not_unknown_is_not_touched(database: Database) -> None:
    """Events about letters that are being handed off, or were refused, settle nothing."""
    ledger = SqlLedger(database)
    run(letters(1), ToldEsp(lambda given: Rejected(given.message_id, "550 no")), ledger)
    Events(database).append([happened(0)])
    assert reconcile(ledger, ToldEsp(), SEND, clock=lambda: AT) == Reconciled()
    assert ledger.counts(SEND) == {(MessageStatus.REJECTED, "550 no"): 1}


class Keyed(ToldEsp):
    """Takes all letters of a batch in one call, and notes what is repeated."""

    again: Callable[[Letter], Answer] = staticmethod(lambda one: Accepted(one.message_id, f"Q{one.recipient_id}"))
    repeated: list[Call]

    def calls(self, letters: Sequence[Letter]) -> list[Call]:
        return [tuple(sorted(letters, key=lambda one: one.message_id))]

    def repeat(self, call: Call) -> Sequence[Answer]:
        self.repeated = [*getattr(self, "repeated", []), call]
        return [self.again(one) for one in call]


def reprint(entries: Sequence[LedgerEntry]) -> dict[MessageId, Letter]:
    """The letters of these rows."""
    return {entry.message_id: letter(int(entry.recipient_id[1:])) for entry in entries}


def doubted(database: Database, count: int = 6) -> Keyed:
    """Calls of three letters that nobody answered, and the ESP they went to."""
    esp = Keyed(lambda given: Unknown(given.message_id, "no answer"), name="keyed", remembers=timedelta(hours=1))
    run(letters(count), esp, SqlLedger(database), batch_size=3)
    return esp


def test_a_call_in_doubt_is_made_again(database: Database) -> None:
    """Whole, as it was frozen, and what the ESP answers then is settled; without reprinting nothing is repeated."""
    esp, ledger = doubted(database), SqlLedger(database)
    assert reconcile(ledger, esp, SEND, clock=lambda: AT) == Reconciled(unproved=6)
    assert reconcile(ledger, esp, SEND, clock=lambda: AT, reprint=reprint) == Reconciled(accepted=6)
    assert Counter(one.recipient_id for call in esp.repeated for one in call) == Counter(f"r{number}" for number in range(6))
    assert {len(call) for call in esp.repeated} == {3}
    entry = ledger.entry(SEND, letter(4).recipient_id)
    assert entry is not None and entry.esp_message_id == "Qr4"


def test_a_call_that_is_forgotten_is_not_repeated(database: Database) -> None:
    """Nor is one of another account."""
    esp, ledger = doubted(database), SqlLedger(database)
    late = AT + timedelta(minutes=59)
    assert reconcile(ledger, esp, SEND, clock=lambda: late, reprint=reprint) == Reconciled(unproved=6)
    assert reconcile(ledger, Keyed(name="other", remembers=timedelta(hours=1)), SEND, clock=lambda: AT, reprint=reprint) == Reconciled(
        unproved=6
    )


def test_a_call_of_which_part_is_known_is_still_repeated_whole(database: Database) -> None:
    """An event told about one letter of it: the others are found out about by the same call, that letter's with it."""
    esp, ledger = doubted(database, 3), SqlLedger(database)
    Events(database).append([happened(1)])
    assert reconcile(ledger, esp, SEND, clock=lambda: AT, reprint=reprint) == Reconciled(accepted=3)
    assert [len(call) for call in esp.repeated] == [3]


def test_an_esp_that_does_not_answer_is_left_in_peace(database: Database) -> None:
    """After three calls that stay in doubt the rest waits for the next time."""
    esp, ledger = doubted(database, 15), SqlLedger(database)
    esp.again = lambda one: Unknown(one.message_id, "no answer")
    assert reconcile(ledger, esp, SEND, clock=lambda: AT, reprint=reprint) == Reconciled(unproved=15)
    assert len(esp.repeated) == 3


def test_beside_a_live_run_nothing_is_given_back(database: Database) -> None:
    """What the ESP never had stays unknown until nobody else is at work; what it has is settled at once."""
    proofs: list[Answer] = [Accepted(letter(0).message_id), Retry(letter(1).message_id, "never had it")]
    esp, ledger = ToldEsp(lambda given: Unknown(given.message_id, "no answer"), proofs=lambda _ids: proofs), SqlLedger(database)
    run(letters(2), esp, ledger)
    assert reconcile(ledger, esp, SEND, clock=lambda: AT, gives_back=False) == Reconciled(accepted=1, unproved=1)
    assert reconcile(ledger, esp, SEND, clock=lambda: AT) == Reconciled(given_back=1)


def test_what_is_overdue_is_what_has_been_unknown_for_long(database: Database) -> None:
    """Counted from the moment at which it became unknown."""
    ledger = SqlLedger(database)
    run(letters(2), ToldEsp(lambda given: Unknown(given.message_id, "no answer")), ledger)
    unknown, day = ledger.unknowns(SEND), timedelta(hours=24)
    assert overdue(unknown, after=day, at=AT + day) == unknown
    assert overdue(unknown, after=day, at=AT + day - timedelta(seconds=1)) == []


def test_what_will_become_of_it(sqlite_database: Database) -> None:
    """Repeated while the ESP remembers, then by the campaign's policy, else looked up or left until an event comes in."""
    ledger = SqlLedger(sqlite_database)
    esp = doubted(sqlite_database, 1)
    [entry] = ledger.unknowns(SEND)
    careful, eager = Departure(), Departure(unknown=UnknownPolicy.AT_LEAST_ONCE, unknown_after_hours=2)
    later, deadline = AT + timedelta(hours=1), AT + timedelta(hours=1)
    assert prospect_of(entry, esp, eager, last=None, at=AT) == Prospect(Fate.REPEATED, AT + timedelta(hours=1))
    assert prospect_of(entry, esp, eager, last=None, at=later) == Prospect(Fate.HANDED_OFF_AGAIN, AT + timedelta(hours=2))
    assert prospect_of(entry, esp, eager, last=deadline, at=later) == Prospect(Fate.LOOKED_UP)
    assert prospect_of(entry, esp, careful, last=None, at=later) == Prospect(Fate.LOOKED_UP)
    assert prospect_of(replace(entry, esp="other"), esp, careful, last=None, at=AT) == Prospect(Fate.STAYS)
    words = [str(Prospect(Fate.REPEATED, later)), str(Prospect(Fate.HANDED_OFF_AGAIN, later)), str(Prospect(Fate.LOOKED_UP))]
    assert words == [
        "is repeated, until 2026-11-23 10:00 UTC",
        "is handed off again from 2026-11-23 10:00 UTC",
        "is looked up at the ESP",
    ]
    assert str(Prospect(Fate.STAYS)) == "stays, unless an event about it comes in"
