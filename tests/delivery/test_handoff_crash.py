"""A hand-off that is killed with -9 in the middle, again and again, and taken up again: nobody gets two letters, and whoever
gets none is listed. Where the ESP recognises a call that is repeated, everybody gets one and nothing stays unknown."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from delivery.esp.folder_layout import letters as lying_in
from delivery.reconcile import Reconciled
from domain.message import MessageStatus
from simulator.esp.handle import SimulatedEsp
from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET
from storage.database import Database
from storage.ledger import SqlLedger
from tests.delivery.crash_worker import reconciled, work
from tests.delivery.letters import SEND, letters
from tests.delivery.relay import Relay, serving

COUNT = 240
KILLED_AFTER = (20, 90, 170)  # letters that have arrived
PATIENCE = 60.0
BATCH = 10
FAULTS = "cut_after=.05,after=.03,cut_before=.03,before=.02,throttle=.1,cut_reading=.05,retry_after=0"
KEYED = {"resend": "resend://:KEY@{host}", "sparkpost": "sparkpost://:KEY@{host}", "brevo": "brevo://:KEY@{host}"}
UNKEYED = {
    "sendgrid": "sendgrid://:KEY@{host}",
    "ses": f"ses://{KNOWN_KEY}:{KNOWN_SECRET}@{{host}}?region=eu-west-1&configuration_set=letterpress",
}


def url_of(database: Database) -> str:
    """How another process reaches this database."""
    return database.url.render_as_string(hide_password=False)


def start(database: Database, esp: str) -> "subprocess.Popen[bytes]":
    """A worker in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "tests.delivery.crash_worker", url_of(database), esp, str(COUNT), str(BATCH)])


def kill_when(worker: "subprocess.Popen[bytes]", arrived: Callable[[], int], enough: int) -> None:
    """Kill it, without warning, once `enough` letters have arrived."""
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


def listed(database: Database) -> set[str]:
    """The recipients whose letters are unknown, each with a reason."""
    unknowns = SqlLedger(database).unknowns(SEND)
    assert all(entry.reason for entry in unknowns)
    return {entry.recipient_id for entry in unknowns}


def persist(database: Database, esp: str) -> Reconciled:
    """Reconcile until nothing is left to find out: faults hit repetitions too."""
    for _ in range(40):
        found = reconciled(database, esp)
        if not found.unproved:
            break
    return found


@pytest.fixture(scope="module")
def running_esp() -> Iterator[SimulatedEsp]:
    """One simulated ESP for all tests here."""
    with SimulatedEsp.start(keep="counts") as esp:
        yield esp


@pytest.fixture
def esp(running_esp: SimulatedEsp) -> SimulatedEsp:
    """It, empty, with faults of every kind."""
    running_esp.reset()
    running_esp.set_faults(FAULTS)
    return running_esp


def taken(esp: SimulatedEsp, provider: str) -> Counter[str]:
    """How often each letter was taken."""
    return Counter(esp.accepted(provider))


def test_killed_while_talking_to_a_relay(database: Database) -> None:
    """Over SMTP: nobody twice; exactly once but for those the ledger lists as UNKNOWN; and the counts add up."""
    with serving(Relay()) as relay:
        for enough in KILLED_AFTER:
            kill_when(start(database, relay.url), lambda: len(relay.held), enough)
        work(database, relay.url, COUNT)
    arrived = Counter(relay.recipients)
    assert max(arrived.values()) == 1
    unknown = listed(database)
    missing = {one.recipient_id for one in letters(COUNT) if one.address not in arrived}
    assert missing <= unknown
    assert len(unknown) <= len(KILLED_AFTER) * 4 * 10  # what may be on its way at each kill
    counts = standing(database)
    assert counts == {MessageStatus.ACCEPTED: COUNT - len(unknown), MessageStatus.UNKNOWN: len(unknown)}


def test_killed_while_writing_to_a_folder(database: Database, tmp_path: Path) -> None:
    """Into a folder: exactly once for everybody, and nothing stays unknown, because the folder is its own evidence."""
    folder = tmp_path / "mailbox"
    for enough in KILLED_AFTER:
        kill_when(start(database, f"folder:{folder}"), lambda: sum(1 for _ in lying_in(folder)), enough)
    work(database, f"folder:{folder}", COUNT)
    assert not list(folder.glob("*/.*"))
    assert sorted(path.stem for path in lying_in(folder)) == sorted(one.message_id for one in letters(COUNT))
    assert standing(database) == {MessageStatus.ACCEPTED: COUNT}


@pytest.mark.parametrize("provider", KEYED)
def test_killed_where_calls_can_be_repeated(database: Database, esp: SimulatedEsp, provider: str) -> None:
    """Kills and lost answers, and yet: everybody exactly once, and nothing unknown."""
    address = KEYED[provider].format(host=esp.host)
    for enough in KILLED_AFTER[1:]:
        kill_when(start(database, address), lambda: len(taken(esp, provider)), enough)
    work(database, address, COUNT, BATCH)
    assert persist(database, address).unproved == 0
    assert taken(esp, provider) == Counter(one.message_id for one in letters(COUNT))
    assert standing(database) == {MessageStatus.ACCEPTED: COUNT}


@pytest.mark.parametrize("provider", UNKEYED)
def test_killed_where_nothing_can_be_found_out(database: Database, esp: SimulatedEsp, provider: str) -> None:
    """Kills and lost answers: nobody twice, and whoever has none is listed with a reason."""
    address = UNKEYED[provider].format(host=esp.host)
    kill_when(start(database, address), lambda: len(taken(esp, provider)), KILLED_AFTER[1])
    work(database, address, COUNT, BATCH)
    reconciled(database, address)
    assert max(taken(esp, provider).values()) == 1
    unknown = listed(database)
    assert {one.recipient_id for one in letters(COUNT) if one.message_id not in taken(esp, provider)} <= unknown
    assert standing(database) == Counter({MessageStatus.ACCEPTED: COUNT - len(unknown), MessageStatus.UNKNOWN: len(unknown)})


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_two_workers_one_killed(database: Database, esp: SimulatedEsp, provider: str) -> None:
    """Two processes on one send, each a run of its own: one dies, the other finishes what it can, and the dead one's claims are found
    out about like any others."""
    address = (KEYED | UNKEYED)[provider].format(host=esp.host)
    dying, living = start(database, address), start(database, address)
    kill_when(dying, lambda: len(taken(esp, provider)), KILLED_AFTER[0])
    assert living.wait(PATIENCE) == 0
    work(database, address, COUNT, BATCH)  # what the dead one had given back when the other was past it, as `resume` does
    found = persist(database, address) if provider in KEYED else reconciled(database, address)
    unknown = listed(database)
    assert max(taken(esp, provider).values()) == 1
    assert standing(database) == Counter({MessageStatus.ACCEPTED: COUNT - len(unknown), MessageStatus.UNKNOWN: len(unknown)})
    assert {one.recipient_id for one in letters(COUNT) if one.message_id not in taken(esp, provider)} <= unknown
    assert provider not in KEYED or found.unproved == 0
