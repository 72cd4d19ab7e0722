"""One of several processes that hand off a send at one account's pace, with DATABASE REDIS ESP RATE SHARD COUNT as arguments.

RATE: letters per second that the account is said to allow; 0: to be found out. Prints its counts as one JSON object.
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from random import Random

import orjson

from delivery.esp import build_esp
from delivery.handoff import hand_off
from delivery.pace import Strictest
from domain.ids import RecipientId, SendId, digest, message_id_of
from domain.message import Letter
from domain.pace import Allowance
from domain.send import SendStatus
from storage.database import Database
from storage.ledger import SqlLedger
from storage.pace import RedisPace

SEND = SendId("rate-20261123T090000Z")
_SENDER = "letters@shop.example"
_BODY = b"<p>" + b"What goes out at a pace is as long as a line. " * 40 + b"</p>\r\n"


def letter(shard: int, number: int) -> Letter:
    """A letter of 2 kB, of nobody in particular."""
    who = RecipientId(f"{shard}-{number}")
    address = f"r{shard}.{number}@mail.example"
    head = f"From: <{_SENDER}>\r\nTo: <{address}>\r\nSubject: Number {number}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    mime = head.encode() + _BODY
    return Letter(message_id_of(SEND, who), SEND, who, _SENDER, address, (mime,), digest(mime.decode()), "body")


def letters(shard: int, count: int) -> Iterator[Letter]:
    """A shard's letters."""
    return (letter(shard, number) for number in range(count))


def main() -> None:
    """Hand off a shard."""
    database, redis, address, rate, shard, count = sys.argv[1:]
    with closing(build_esp(address)) as esp:
        pace = RedisPace(redis, esp.name, Allowance(float(rate) or None))
        counts = hand_off(
            letters(int(shard), int(count)),
            esp,
            SqlLedger(Database(database)),
            run_id=f"run-{shard}",
            shard=int(shard),
            clock=lambda: datetime.now(UTC),
            control=lambda: SendStatus.RUNNING,
            rng=Random(shard),
            pace=Strictest([pace]),
        )
    sys.stdout.write(orjson.dumps(asdict(counts)).decode() + "\n")


if __name__ == "__main__":
    main()
