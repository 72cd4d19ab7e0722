"""Printing and handing off by themselves, each in turns with its floor. `python -m benchmarks.sending.letters ROUNDS FOLDER SMTP`

To be run in the home of a finished send (LETTERPRESS_HOME): its audience and decisions are printed and handed off again, under a
new send every round. Printing is timed on one thread. A hand-off is timed from the first claim to the last answer in the ledger,
letters being printed before.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, islice
from random import Random
from statistics import mean

import orjson
import pandas as pd

from benchmarks.sending.floors import chunks_of, join_chunks, submit_one_by_one, write_files
from benchmarks.sending.homes import AT, CAMPAIGN
from benchmarks.sending.sink import Sink, running_sink
from benchmarks.timing import in_turns, seconds_of
from delivery.compose import Composer
from delivery.esp import build_esp
from delivery.handoff import hand_off
from domain.ids import send_id_of
from domain.message import Letter
from domain.recipient import Recipient
from domain.send import Send, SendStatus
from flows.open_press import open_press
from flows.open_send import open_send
from flows.print_letters import Chosen, choices
from flows.run_stage import shard_name
from runtime.clock import now
from runtime.heartbeat import heartbeat
from runtime.house import House, shared_house
from runtime.services import decision_store_running
from storage.recipients import recipients_of


@dataclass(slots=True)
class Desk:
    """A finished send's first shard, to be printed again: its recipients and what was chosen for them."""

    house: House
    recipients: list[Recipient]
    chosen: dict[str, Chosen]
    numbers: "count[int]"

    def open(self) -> tuple[Send, Composer]:
        """A new send and its press."""
        send = self.house.send(open_send.fn(CAMPAIGN, AT + timedelta(minutes=next(self.numbers))))
        self.house.sends.set_status(send.send_id, SendStatus.RUNNING, None, now())
        return send, open_press(self.house, send)

    def print(self, press: Composer, limit: int) -> list[Letter]:
        """The letters of the first recipients."""
        return [press.compose(recipient, self.chosen[recipient.recipient_id]) for recipient in islice(self.recipients, limit)]


def desk_of(house: House) -> Desk:
    """The desk of the send that the home holds."""
    send = house.send(send_id_of(CAMPAIGN, AT))
    shards = range(send.shards)
    audience, decisions = (
        pd.concat([house.lake.read(table, {"send_id": send.send_id}, name=shard_name(shard)) for shard in shards], ignore_index=True)
        for table in ("audience", "decisions")
    )
    recipients = list(recipients_of(audience[audience["exclusion"].isna()]))
    return Desk(house, recipients, dict(choices(decisions).items()), count(1))


def renders(desk: Desk, rounds: int, limit: int) -> dict[str, float]:
    """Letters per second: `letterpress`, and `floor` (constant chunks joined with escaped values)."""
    _, press = desk.open()
    recipients = desk.recipients[:limit]
    chunks = chunks_of(desk.print(press, 1)[0])
    taken = in_turns(
        {
            "floor": lambda _: seconds_of(lambda: join_chunks(chunks, recipients)),
            "letterpress": lambda _: seconds_of(lambda: desk.print(press, limit)),
        },
        rounds,
    )
    return {name: len(recipients) / seconds for name, seconds in taken.items()}


def folder_handoffs(desk: Desk, rounds: int, limit: int) -> dict[str, float]:
    """Letters per second into a folder: through the ledger, and `floor` (the same bytes written to files)."""
    root, letters = desk.house.settings.var / "bench", desk.print(desk.open()[1], limit)
    taken = in_turns(
        {
            "floor": lambda number: seconds_of(lambda: write_files(letters, root / f"floor-{number}")),
            "letterpress": lambda number: through_the_ledger(desk, f"folder:{root / f'ledger-{number}'}", limit),
        },
        rounds,
    )
    return {name: len(letters) / seconds for name, seconds in taken.items()}


def smtp_handoffs(desk: Desk, sink: Sink, rounds: int, limit: int) -> dict[str, float]:
    """Letters per second to a relay: through the ledger, and `floor` (smtplib, one connection, no ledger)."""
    letters, before = desk.print(desk.open()[1], limit), sink.taken()
    taken = in_turns(
        {
            "floor": lambda _: seconds_of(lambda: submit_one_by_one(letters, "127.0.0.1", sink.port)),
            "letterpress": lambda _: through_the_ledger(desk, sink.url, limit),
        },
        rounds,
    )
    if sink.taken() - before != 2 * rounds * len(letters):
        raise RuntimeError("the relay does not hold what was handed off to it")
    return {name: len(letters) / seconds for name, seconds in taken.items()}


def through_the_ledger(desk: Desk, esp_url: str, limit: int) -> float:
    """Seconds that handing off freshly printed letters takes: claimed, handed to the ESP, settled."""
    send, press = desk.open()
    letters = desk.print(press, limit)
    with heartbeat(desk.house.runs, send.send_id) as run_id:
        return seconds_of(lambda: _handed_off(desk.house, send, letters, esp_url, run_id))


def _handed_off(house: House, send: Send, letters: Sequence[Letter], esp_url: str, run_id: str) -> None:
    esp = build_esp(esp_url, home=house.settings.home)
    counts = hand_off(
        iter(letters),
        esp,
        house.ledger,
        run_id=run_id,
        shard=0,
        clock=now,
        control=lambda: house.send(send.send_id).status,
        rng=Random(run_id),
        concurrency=house.settings.handoff_connections,
        batch_size=house.settings.handoff_batch,
    )
    esp.close()
    if counts.accepted != len(letters):
        raise RuntimeError(f"of {len(letters)} letters: {counts}")


def main() -> None:
    """Print letters per second, ours and the floor's, as JSON."""
    parser = argparse.ArgumentParser()
    for name in ("rounds", "folder_letters", "smtp_letters"):
        parser.add_argument(name, type=int)
    asked = parser.parse_args()
    house = shared_house()
    with decision_store_running(house.settings), running_sink() as sink:
        desk = desk_of(house)
        found = {
            "renders": renders(desk, asked.rounds, asked.folder_letters),
            "folder": folder_handoffs(desk, asked.rounds, asked.folder_letters),
            "smtp": smtp_handoffs(desk, sink, asked.rounds, asked.smtp_letters),
            "kilobytes_per_letter": mean(len(letter.mime) for letter in desk.print(desk.open()[1], asked.smtp_letters)) / 1_000,
        }
    print(orjson.dumps(found).decode())


if __name__ == "__main__":
    main()
