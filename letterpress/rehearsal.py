"""A rehearsal: everything a send does but writing, publishing and handing off."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from audience.counts import AudienceCounts, refuse_empty
from domain.campaign import Surface
from domain.ledger import UnprintableMessage
from domain.message import Letter
from flows.compute_shard_features import blocks
from flows.decide_shards import decide_for
from flows.load_basis import Basis, basis_of
from flows.open_press import press_for
from flows.plan_send import checked_content, planned_send, require_surface
from flows.prepare_choices import ShardInputs, fresh_inputs
from flows.price_variants import priced
from flows.print_letters import print_letters
from flows.select_audience import selected
from ranking.deciding.pricing import limited_placements, prices_by_placement
from runtime.house import House


@dataclass(slots=True)
class Rehearsal:
    """What a send would be. `variants`: chosen per `placement/variant`; `constraints`: recipients whose choice was narrowed, by constraint;
    `unprintable`: letters that could not be printed, by reason."""

    campaign: str
    as_of: datetime
    content_version: str
    model_version: str | None
    audience: AudienceCounts = field(default_factory=AudienceCounts)
    arms: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
    constraints: Counter[str] = field(default_factory=Counter)
    unprintable: Counter[str] = field(default_factory=Counter)
    letters: int = 0
    bytes_in_all: int = 0
    largest_letter_bytes: int = 0

    @property
    def admitted(self) -> int:
        """Who would get a letter."""
        return self.audience.admitted


def rehearse(house: House, campaign: str, at: datetime, progress: Callable[[int, int], object]) -> Rehearsal:
    """Select, decide and print for everybody, shard by shard; `progress(done, shards)`. InputError for an empty audience."""
    content = checked_content(house, campaign)
    require_surface(content, Surface.MAIL)
    send = planned_send(house, content, at, at)
    rehearsal = Rehearsal(send.campaign, send.as_of, send.content_version, send.model_version)
    basis = basis_of(house, send, content)
    press, limited, done = press_for(house, content, send), limited_placements(content), 0
    prices = prices_by_placement(priced(basis, _inputs(basis)), content) if limited else {}
    for inputs in _inputs(basis, rehearsal):
        found = decide_for(basis, inputs, prices)
        rehearsal.variants.update(found.variants)
        rehearsal.constraints.update(found.constraints)
        _print(rehearsal, print_letters(press, send, inputs.audience, found.decisions, shard=done))
        progress(done := done + 1, send.shards)
    refuse_empty(rehearsal.audience)
    return rehearsal


def _inputs(basis: Basis, rehearsal: Rehearsal | None = None) -> Iterator[ShardInputs]:
    """What each shard would be decided from, in their order; its audience is added to the rehearsal."""
    for block in blocks(range(basis.send.shards), basis.house.recipients.count()):
        yield from fresh_inputs(basis, [_select(basis, shard, rehearsal) for shard in block])


def _select(basis: Basis, shard: int, rehearsal: Rehearsal | None) -> pd.DataFrame:
    audience, counts = selected(basis.house, basis.send, basis.content.campaign, shard)
    if rehearsal:
        rehearsal.audience += counts
        rehearsal.arms.update(audience["arm"].dropna().tolist())
    return audience


def _print(rehearsal: Rehearsal, letters: Iterable[Letter | UnprintableMessage]) -> None:
    for printed in letters:
        if isinstance(printed, UnprintableMessage):
            rehearsal.unprintable[printed.reason] += 1
        else:
            rehearsal.letters += 1
            rehearsal.bytes_in_all += len(printed.mime)
            rehearsal.largest_letter_bytes = max(rehearsal.largest_letter_bytes, len(printed.mime))
