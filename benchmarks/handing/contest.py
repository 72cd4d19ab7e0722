"""One way of handing letters over, in a process of its own: `python -m benchmarks.handing.contest WAY HTTP SMTP LETTERS FOLDER`.

Prints seconds, processor seconds and accepted letters as JSON. What is timed: from the first letter printed to the last answer in the
ledger, over all processes; for the SDKs, whose letters were printed before, from the first call to the last answer.
"""

import argparse
import gc
import importlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random

import orjson

from benchmarks.compose import Job, job
from delivery.answers import Accepted
from delivery.esp import build_esp
from delivery.esp.http import HttpEsp
from delivery.esp.parts import parts_of
from delivery.esp.port import Esp
from delivery.esp.provider import OUR_ID, Limits, Provider, Request, Response
from delivery.handoff import hand_off
from domain.send import SendStatus
from runtime.clock import now
from runtime.heartbeat import heartbeat
from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET
from storage.database import Database
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.runs import Runs
from storage.sends import Sends

ADDRESSES: Mapping[str, str] = {
    "sendgrid": "sendgrid://:KEY@{http}",
    "mailgun": "mailgun://shop.example:KEY@{http}",
    "sparkpost": "sparkpost://:KEY@{http}",
    "postmark": "postmark://:TOKEN@{http}",
    "ses": f"ses://{KNOWN_KEY}:{KNOWN_SECRET}@{{http}}?region=eu-west-1",
    "smtp": "{smtp}/?starttls=none",
}


_WORKERS, _PATIENCE = 2, 120  # processes; seconds that one waits for the other to be ready
_started: list[Barrier] = []  # of this process


@dataclass(frozen=True, slots=True)
class Place:
    """Where the simulated ESP listens, and a folder for a database."""

    http: str
    smtp: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Found:
    """What one way took, for how many letters that were accepted."""

    seconds: float
    cpu_s: float
    accepted: int


class OneByOne:
    """A provider that is not asked to put values into a shared body: one whole letter per call."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.name, self.endpoint, self.remembers = provider.name, provider.endpoint, provider.remembers
        self.limits: Limits = provider.limits
        self.build: Callable[..., Request] = provider.build
        self.classify, self.probe = provider.classify, provider.probe

    def fault(self, response: Response) -> str | None:
        """As the provider says."""
        return self._provider.fault(response)


def through_the_engine(name: str, place: Place, letters: int, *, one_by_one: bool = False) -> Found:
    """As one worker of a send does it: printed, claimed in a ledger on SQLite, handed over, settled."""
    work = job(letters)
    _opened(place, work)
    return _timed(_worker(name, place, work, one_by_one=one_by_one))


def by_two_workers(name: str, place: Place, letters: int) -> Found:
    """As a send does it on two cores: two processes, a shard each, over one ledger."""
    _opened(place, job(0))
    spawn = get_context("spawn")
    with ProcessPoolExecutor(_WORKERS, mp_context=spawn, initializer=_remember, initargs=(spawn.Barrier(_WORKERS),)) as workers:
        each = list(workers.map(partial(_shard, name, place, letters), range(_WORKERS)))
    return Found(max(one.seconds for one in each), sum(one.cpu_s for one in each), sum(one.accepted for one in each))


def _remember(ready: Barrier) -> None:
    """A worker begins when the others are ready too, so that the slower one's time is that of all."""
    _started.append(ready)


def _shard(name: str, place: Place, letters: int, shard: int) -> Found:
    whole = job(letters)
    hand_over = _worker(name, place, replace(whole, readers=whole.readers[shard::_WORKERS]), shard=shard)
    return _timed(hand_over, _started[0])


def _opened(place: Place, work: Job) -> None:
    database = _database(place)
    migrate(database)
    Sends(database).open(work.send, now())


def _worker(name: str, place: Place, work: Job, *, shard: int = 0, one_by_one: bool = False) -> Callable[[], int]:
    built, database = build_esp(ADDRESSES[name].format(http=place.http, smtp=place.smtp)), _database(place)
    esp = HttpEsp(OneByOne(built.provider)) if one_by_one and isinstance(built, HttpEsp) else built

    def hand_over() -> int:
        with heartbeat(Runs(database), work.send.send_id) as run_id, closing(esp):
            return _handed_off(work, esp, SqlLedger(database), run_id, shard)

    return hand_over


def _database(place: Place) -> Database:
    return Database(f"sqlite:///{place.folder / 'ledger.db'}")


def _handed_off(work: Job, esp: Esp, ledger: SqlLedger, run_id: str, shard: int) -> int:
    rng = Random(run_id)
    counts = hand_off(iter(work), esp, ledger, run_id=run_id, shard=shard, clock=now, control=lambda: SendStatus.RUNNING, rng=rng)
    return counts.accepted


def calls_alone(name: str, place: Place, letters: int) -> Found:
    """By our adapter, from letters that are printed already and without a ledger: what the SDK's loop does, and nothing more."""
    printed = list(job(letters))
    with closing(build_esp(ADDRESSES[name].format(http=place.http, smtp=place.smtp))) as esp:
        size = esp.habits.batch
        batches = [printed[start : start + size] for start in range(0, letters, size)]
        return _timed(lambda: sum(isinstance(answer, Accepted) for batch in batches for answer in esp.hand_off(batch)))


def sendgrid_sdk(place: Place, letters: int) -> Found:
    """SendGrid's own client in a loop, as its documentation has it: one letter per call, from texts that are there already."""
    sdk, mails = importlib.import_module("sendgrid"), importlib.import_module("sendgrid.helpers.mail")
    client = sdk.SendGridAPIClient("KEY", host=f"http://{place.http}")
    printed = [(letter, parts_of(letter)) for letter in job(letters)]

    def loop() -> int:
        accepted = 0
        for letter, parts in printed:
            mail = mails.Mail(parts.from_address, parts.to, parts.subject, parts.text, parts.html)
            mail.add_custom_arg(mails.CustomArg(OUR_ID, letter.message_id))
            for name, value in parts.headers:
                mail.add_header(mails.Header(name, value))
            accepted += client.send(mail).status_code == 202
        return accepted

    return _timed(loop)


WAYS: Mapping[str, Callable[[Place, int], Found]] = {
    **{name: partial(through_the_engine, name) for name in ADDRESSES},
    "sendgrid_calls": partial(calls_alone, "sendgrid"),
    "sendgrid_two_workers": partial(by_two_workers, "sendgrid"),
    "sendgrid_one_by_one": partial(through_the_engine, "sendgrid", one_by_one=True),
    "sendgrid_sdk": sendgrid_sdk,
}


def _timed(work: Callable[[], int], ready: Barrier | None = None) -> Found:
    """What the work takes. What is there before, such as all readers at once, is not the garbage collector's business."""
    gc.collect()
    gc.freeze()
    if ready:
        ready.wait(_PATIENCE)
    began, used = time.perf_counter(), time.process_time()
    accepted = work()
    return Found(time.perf_counter() - began, time.process_time() - used, accepted)


def main() -> None:
    """Run one way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("http")
    parser.add_argument("smtp")
    parser.add_argument("letters", type=int)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    print(orjson.dumps(WAYS[asked.way](Place(asked.http, asked.smtp, asked.folder), asked.letters)).decode())


if __name__ == "__main__":
    main()
