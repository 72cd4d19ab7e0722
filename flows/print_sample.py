"""Print a sample letter of a send without anybody's data: for a typical reader, with the variants chosen most often."""

from collections import Counter

import pandas as pd

from domain.ids import PlacementId, RecipientId, VariantId
from domain.message import Letter
from domain.recipient import AttributeKind, AttributeValue, Recipient
from domain.send import Send
from flows.open_press import open_press
from flows.print_letters import Chosen
from flows.run_stage import shard_name
from runtime.house import House
from storage.recipients import expand

_ENOUGH = 50  # values, below which what is typical could be somebody's own


def print_sample(house: House, send: Send) -> Letter:
    """The sample letter; what it says of its reader is typical of the audience's first shard and true of nobody."""
    return open_press(house, send).compose(typical_reader(house, send), favourites(house, send))


def typical_reader(house: House, send: Send) -> Recipient:
    """Median numbers, the commonest categories, and `Reader` for every text."""
    shard = min(house.sends.finished_shards(send.send_id, "audience"))
    kinds = house.recipients.attributes()
    audience = expand(house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard)), kinds)
    values = {name: _typical(audience[name], kind) for name, kind in kinds.items()}
    return Recipient(RecipientId("sample"), "reader@example.com", consent=True, attributes=values)


def favourites(house: House, send: Send) -> Chosen:
    """Per placement its most chosen variants, one per position, filled up from the default slate."""
    content, totals = house.contents.load(send.content_version), Counter[str]()
    for counts in house.sends.finished_shards(send.send_id, "decisions").values():
        totals.update(counts)
    chosen: dict[PlacementId, tuple[VariantId, ...]] = {}
    for placement in content.campaign.placements:
        prefix = f"{placement.placement}/"
        ranked = [VariantId(name.removeprefix(prefix)) for name, _ in totals.most_common() if name.startswith(prefix)]
        slate = dict.fromkeys((*ranked, *content.default_slate(placement.placement)))
        chosen[placement.placement] = tuple(slate)[: placement.positions]
    return chosen


def _typical(values: pd.Series, kind: AttributeKind) -> AttributeValue:
    known = values.dropna()
    if kind is AttributeKind.TEXT or len(known) < _ENOUGH:
        return 0.0 if kind is AttributeKind.NUMERIC else "Reader"
    return float(known.median()) if kind is AttributeKind.NUMERIC else str(known.mode().iloc[0])
