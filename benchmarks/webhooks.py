"""`webhooks`: a million events told to the running server, which is killed with -9 ten times meanwhile.

`letterpress serve` runs in a process of its own. Four providers tell it of what happened to letters that are in the ledger: SendGrid in
batches of 1 to 600 events, Mailgun, Resend and Postmark one by one (4 % of the events); all of it shuffled. 20 % of the events are told
twice. Beside them come 1 % of the posts once more, forged: signed with another key, about events that never were; and 1 % as
garbage: cut in half, every other one with a right signature. Eight connections post as fast as they are answered; what is not
answered with a yes is told again, signed anew. The server is killed at ten moments and started again at once.

By database:

- `stored`, `expected`: events that are in the database at the end and are no garbage; events that there were. `exact`: they are the
  same ones. `forged_stored`: events that are there and never were. `garbage`: posts that were signed rightly and could not be
  read: kept as unknown events. `kills`: how often the server was killed; `again`: posts that had to be told again.
- `events_per_s`: events told, repetitions included, per second from the first post until the last event was understood, the time
  in which the server was down included; `events_per_s_up`: without it. `kept_per_s`: until the last post was answered.
- `p99_ms`, `p50_ms`: from the first byte of a post to the answer that it is on disk, of the posts that were answered with yes, with
  eight at work at once and understanding going on beside. `peak_mb`: the most memory of the server's process.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import sqlalchemy as sa

from benchmarks.faulting.databases import Databases, SqliteDatabases, postgres_databases
from benchmarks.hooking.server import Server
from benchmarks.hooking.telling import Tally, Teller
from benchmarks.hooking.world import SEND, SENT_AT, Signer, World
from benchmarks.registry import Figure, Measured
from domain.event import EventKind
from domain.message import MessageStatus
from runtime.serving import database_url_of
from runtime.settings import Settings
from storage.database import Database, batches
from storage.inbox import Inbox
from storage.migrations import migrate
from storage.schema import events, messages

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to tell, over how many letters, in batches of about how many events, with how many kills."""

    events: int
    letters: int
    batch: int
    kills: int
    databases: Sequence[str] = DATABASES
    single: float = 0.04
    twice: float = 0.2
    tricks: float = 0.01
    connections: int = 8


FULL = Plan(1_000_000, 250_000, batch=300, kills=10)
QUICK = Plan(10_000, 4_000, batch=60, kills=2)


def measure(*, quick: bool) -> Measured:
    """Run it in a fresh temporary folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="letterpress-webhooks-") as folder:
        return measured(QUICK if quick else FULL, Path(folder))


def measured(plan: Plan, folder: Path) -> Measured:
    """One database after the other."""
    world = World(plan.events, plan.letters, plan.single)
    figures: dict[str, Figure] = {}
    with ExitStack() as stack:
        for name in plan.databases:
            databases: Databases = SqliteDatabases() if name == "sqlite" else stack.enter_context(postgres_databases())
            figures[name] = _figures(plan, world, folder / name, databases)
    sizes: dict[str, Figure] = {"events": plan.events, "told_twice": int(plan.events * plan.twice), "letters": plan.letters}
    return Measured(sizes | {"batch": plan.batch, "connections": plan.connections}, figures)


def _figures(plan: Plan, world: World, home: Path, databases: Databases) -> dict[str, Figure]:
    home.mkdir()
    databases.make(home)
    database = Database(databases.settings(home).get("DATABASE_URL") or database_url_of(Settings(home=home)))
    _hand_off(database, world)
    server = Server({"HOME": str(home), "WEBHOOKS": Signer().setting, **databases.settings(home)}, home / "server.log")
    server.start()
    try:
        teller = Teller(
            world, world.posts(twice=plan.twice, tricks=plan.tricks, batch=plan.batch), port=server.port, connections=plan.connections
        )
        kept_s, all_s = _told(plan, teller, server, Inbox(database))
        peak_mb = server.peak_mb
    finally:
        server.stop()
    found = _judged(world, database) | _rates(teller.tally, kept_s, all_s, server)
    database.dispose()
    return found | {"again": teller.tally.again, "forged_taken": teller.tally.forged_taken, "peak_mb": peak_mb}


def _hand_off(database: Database, world: World) -> None:
    """The ledger as it is after the send."""
    migrate(database)
    common = {"send_id": SEND, "shard": 0, "status": MessageStatus.ACCEPTED.value, "attempt": 1, "answered_at": SENT_AT, "esp": "sendgrid"}
    rows = ({"message_id": world.message(letter), "recipient_id": world.recipient(letter), **common} for letter in range(world.letters))
    with database.begin() as connection:
        for batch in batches(rows, 10_000):
            connection.execute(sa.insert(messages), batch)


def _told(plan: Plan, teller: Teller, server: Server, inbox: Inbox) -> tuple[float, float]:
    """Seconds until everything was kept, and until everything was understood."""
    rng = Random(1)  # moments at which to kill: one within each of so many equal parts of the posts
    moments = [(kill + rng.random()) / plan.kills for kill in range(plan.kills)]
    began = time.perf_counter()
    teller.start()
    for moment in moments:
        while teller.answered < moment * teller.total * 0.98:
            time.sleep(0.005)
        server.kill()
    teller.join()
    kept_s = time.perf_counter() - began
    while inbox.state().waiting:
        time.sleep(0.05)
    return kept_s, time.perf_counter() - began


def _judged(world: World, database: Database) -> dict[str, Figure]:
    with database.connect() as connection:
        rows = connection.execute(sa.select(events.c.event_id, events.c.kind)).all()
    expected = {world.event_id(number) for number in range(world.events)}
    stored = [event_id for event_id, kind in rows if kind != EventKind.UNKNOWN.value]
    return {
        "stored": len(stored),
        "expected": len(expected),
        "exact": len(stored) == len(expected) and set(stored) == expected,
        "forged_stored": len(set(stored) - expected),
        "garbage": len(rows) - len(stored),
    }


def _rates(tally: Tally, kept_s: float, all_s: float, server: Server) -> dict[str, Figure]:
    seconds = np.array(tally.seconds)
    return {
        "kills": server.kills,
        "events_per_s": tally.events / all_s,
        "events_per_s_up": tally.events / (all_s - server.down_s),
        "kept_per_s": tally.events / kept_s,
        "p50_ms": float(np.quantile(seconds, 0.5)) * 1e3,
        "p99_ms": float(np.quantile(seconds, 0.99)) * 1e3,
    }
