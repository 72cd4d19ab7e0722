"""A hand-off that is killed with -9 in the middle, again and again, and taken up again: nobody gets two letters, and whoever
gets none is listed."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from delivery.esp.folder_layout import letters as lying_in
from domain.message import MessageStatus
from storage.database import Database
from storage.ledger import SqlLedger
from tests.delivery.crash_worker import work
from tests.delivery.letters import SEND, letters
from tests.delivery.relay import Relay, serving

COUNT = 240
KILLED_AFTER = (20, 90, 170)  # letters that have arrived
PATIENCE = 60.0


def url_of(database: Database) -> str:
    """How another process reaches this database."""
    return database.url.render_as_string(hide_password=False)


def kill_after(database: Database, esp: str, arrived: Callable[[], int], enough: int) -> None:
    """Start a worker and kill it, without warning, once `enough` letters have arrived."""
    worker = subprocess.Popen([sys.executable, "-m", "tests.delivery.crash_worker", url_of(database), esp, str(COUNT)])
    deadline = time.monotonic() + PATIENCE
    while arrived() < enough and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    assert worker.poll() is None, "the worker ended before it could be killed"
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def standing(database: Database) -> Counter[MessageStatus]:
    """How many messages stand where."""
    counted: Counter[MessageStatus] = Counter()
    for (status, _reason), count in SqlLedger(database).counts(SEND).items():
        counted[status] += count
    return counted


def test_killed_while_talking_to_a_relay(database: Database) -> None:
    """Over SMTP: nobody twice; exactly once but for those the ledger lists as UNKNOWN; and the counts add up."""
    with serving(Relay()) as relay:
        for enough in KILLED_AFTER:
            kill_after(database, relay.url, lambda: len(relay.held), enough)
        work(database, relay.url, COUNT)
    arrived = Counter(relay.recipients)
    assert max(arrived.values()) == 1
    unknown = {entry.recipient_id for entry in SqlLedger(database).unknowns(SEND)}
    missing = {one.recipient_id for one in letters(COUNT) if one.address not in arrived}
    assert missing <= unknown
    assert len(unknown) <= len(KILLED_AFTER) * 4 * 10  # what may be on its way at each kill
    counts = standing(database)
    assert counts == {MessageStatus.ACCEPTED: COUNT - len(unknown), MessageStatus.UNKNOWN: len(unknown)}


def test_killed_while_writing_to_a_folder(database: Database, tmp_path: Path) -> None:
    """Into a folder: exactly once for everybody, and nothing stays unknown, because the folder is its own evidence."""
    folder = tmp_path / "mailbox"
    for enough in KILLED_AFTER:
        kill_after(database, f"folder:{folder}", lambda: sum(1 for _ in lying_in(folder)), enough)
    work(database, f"folder:{folder}", COUNT)
    assert not list(folder.glob("*/.*"))
    assert sorted(path.stem for path in lying_in(folder)) == sorted(one.message_id for one in letters(COUNT))
    assert standing(database) == {MessageStatus.ACCEPTED: COUNT}
