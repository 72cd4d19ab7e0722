"""A rehearsal: everything a send does but writing, publishing and handing off."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from audience.counts import AudienceCounts, refuse_empty
from delivery.compose import Composer
from domain.content import Content
from domain.ledger import UnprintableMessage
from domain.send import Send
from flows.decide_shards import decided
from flows.load_model import load_model
from flows.open_press import press_for
from flows.plan_send import checked_content, planned_send
from flows.print_letters import print_letters
from flows.select_audience import selected
from ranking.decide import count_variants
from ranking.model import RankingModel
from runtime.house import House


@dataclass(slots=True)
class Rehearsal:
    """What a send would be. `variants`: chosen per `placement/variant`; `unprintable`: letters that could not be printed, by reason."""

    campaign: str
    as_of: datetime
    content_version: str
    model_version: str | None
    audience: AudienceCounts = field(default_factory=AudienceCounts)
    arms: Counter[str] = field(default_factory=Counter)
    variants: Counter[str] = field(default_factory=Counter)
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
    send = planned_send(house, content, at, at)
    rehearsal = Rehearsal(send.campaign, send.as_of, send.content_version, send.model_version)
    model, press = load_model(house, send.model_version), press_for(house, content, send)
    for shard in range(send.shards):
        _rehearse_shard(house, send, content, model=model, press=press, shard=shard, rehearsal=rehearsal)
        progress(shard + 1, send.shards)
    refuse_empty(rehearsal.audience)
    return rehearsal


def _rehearse_shard(
    house: House, send: Send, content: Content, *, model: RankingModel | None, press: Composer, shard: int, rehearsal: Rehearsal
) -> None:
    audience, counts = selected(house, send, content.campaign, shard)
    rehearsal.audience += counts
    rehearsal.arms.update(audience["arm"].dropna().tolist())
    if not counts.admitted:
        return
    decisions, _ = decided(house, send, content, model, audience)
    rehearsal.variants.update(count_variants(decisions))
    for printed in print_letters(press, send, audience, decisions, shard=shard):
        if isinstance(printed, UnprintableMessage):
            rehearsal.unprintable[printed.reason] += 1
        else:
            rehearsal.letters += 1
            rehearsal.bytes_in_all += len(printed.mime)
            rehearsal.largest_letter_bytes = max(rehearsal.largest_letter_bytes, len(printed.mime))
