"""Reprint letters of a send from what was frozen: its content, audience and decisions make the same bytes again."""

from collections.abc import Sequence
from itertools import groupby

from delivery.compose import Composer
from domain.content import Content
from domain.ids import MessageId
from domain.message import LedgerEntry, Letter, MessageStatus
from domain.recipient import normalised
from domain.send import Send
from flows.open_press import press_for
from flows.print_letters import print_letters
from flows.run_stage import shard_name
from runtime.clock import now
from runtime.house import House


def reprint_letters(house: House, send: Send, content: Content, entries: Sequence[LedgerEntry]) -> dict[MessageId, Letter]:
    """The letters of these rows, as they were handed off. Left out: what may not have gone out and may not go out any more, because the
    recipient was suppressed or erased since, or wants none now."""
    press = press_for(house, content, send)
    letters: dict[MessageId, Letter] = {}
    for shard, of_shard in groupby(sorted(entries, key=lambda entry: entry.shard), key=lambda entry: entry.shard):
        letters |= _of_shard(house, press, send, shard, list(of_shard))
    return letters


def _of_shard(house: House, press: Composer, send: Send, shard: int, entries: Sequence[LedgerEntry]) -> dict[MessageId, Letter]:
    wanted = {entry.recipient_id for entry in entries}
    partition, name = {"send_id": send.send_id}, shard_name(shard)
    frames = (house.lake.read(table, partition, name=name) for table in ("audience", "decisions"))
    audience, decisions = (frame[frame["recipient_id"].isin(wanted)] for frame in frames)
    printed = print_letters(press, send, audience, decisions, shard=shard)
    letters = {letter.message_id: letter for letter in printed if isinstance(letter, Letter)}
    doubtful = [letters[entry.message_id] for entry in entries if entry.status is MessageStatus.UNKNOWN and entry.message_id in letters]
    addresses = [normalised(letter.address) for letter in doubtful]
    unwanted = house.suppressions.among(addresses) | house.preferences.among(addresses, send.topic, now()).keys()
    for letter in doubtful:
        if normalised(letter.address) in unwanted:
            del letters[letter.message_id]
    return letters
