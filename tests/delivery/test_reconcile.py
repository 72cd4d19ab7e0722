"""Unknown outcomes are resolved by evidence and by nothing else."""

from collections import Counter
from pathlib import Path

from delivery.answers import Accepted, Answer, Rejected, Retry, Unknown
from delivery.esp.address import parse_address
from delivery.esp.folder import Folder
from delivery.esp.smtp import Smtp
from delivery.handoff import HandOffCounts
from delivery.reconcile import Reconciled, reconcile
from domain.message import LedgerEntry, MessageStatus
from storage.database import Database
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
    assert reconcile(ledger, esp, SEND, at=AT) == Reconciled(accepted=1, rejected=1, given_back=1, unproved=2)
    again = ToldEsp()
    assert run(letters(5), again, ledger, run_id="run-2") == HandOffCounts(accepted=1, held=4)
    assert again.taken == ["r2"]


def test_another_accounts_silence_proves_nothing(database: Database, tmp_path: Path) -> None:
    """Letters that were handed to one folder are not looked for in another."""
    ledger = SqlLedger(database)
    run(letters(2), ToldEsp(lambda given: Unknown(given.message_id, "no answer"), name="folder:/elsewhere"), ledger)
    assert reconcile(ledger, Folder(tmp_path), SEND, at=AT) == Reconciled(0, 0, 0, unproved=2)


def test_a_folder_proves_everything(database: Database, tmp_path: Path) -> None:
    """Claims of a dead run: those that lie in the folder are accepted, the others may go out."""
    ledger, folder = SqlLedger(database), Folder(tmp_path)

    class Dying(Folder):
        def hand_off(self, batch):  # type: ignore[no-untyped-def]
            list(super().hand_off(batch[:2]))
            return [Unknown(one.message_id, "the run died") for one in batch]

    run(letters(5), Dying(tmp_path), ledger)
    assert reconcile(ledger, folder, SEND, at=AT) == Reconciled(accepted=2, rejected=0, given_back=3, unproved=0)
    assert run(letters(5), folder, ledger, run_id="run-2") == HandOffCounts(accepted=3, held=2)


def test_smtp_leaves_unknowns_as_they_are(database: Database) -> None:
    """A relay cannot be asked, so nothing changes."""
    ledger = SqlLedger(database)
    relay = Smtp.at(parse_address("smtp://127.0.0.1:25"))
    run(letters(3), ToldEsp(lambda given: Unknown(given.message_id, "no answer"), name=relay.name), ledger)
    assert reconcile(ledger, relay, SEND, at=AT).unproved == 3
    entries: Counter[MessageStatus] = Counter(entry.status for entry in ledger.unknowns(SEND) if isinstance(entry, LedgerEntry))
    assert entries == {MessageStatus.UNKNOWN: 3}
