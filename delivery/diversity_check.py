"""Whether a campaign's diversity floor can be reached by anyone at all."""

import math
from collections.abc import Collection

from delivery.campaign_folder import CampaignFolder
from delivery.front_matter import VariantSource
from delivery.yaml_lines import load
from domain.campaign import Campaign, PlacementKind
from domain.errors import Mistake


def check_diversity(campaign: Campaign, variants: Collection[VariantSource], folder: CampaignFolder) -> list[Mistake]:
    """A mistake if even letters that show every category alike stay under the floor."""
    if (diversity := campaign.policy.diversity) is None:
        return []
    categories = {v.front.category for v in variants if v.placement.kind is not PlacementKind.SUBJECT}
    items = diversity.messages * sum(p.positions for p in campaign.placements if p.kind is not PlacementKind.SUBJECT)
    best = greatest_entropy(items, len(categories))
    if diversity.floor <= best:
        return []
    source = folder.file_named("campaign.yaml")
    line = load(source.text, source.file).line_of(("policy", "diversity", "floor"))
    what = f"no letter can reach a floor of {diversity.floor:g}: {len(categories)} categories over {items} blocks reach {best:.2f} at most"
    return [Mistake(what, source.file, line, "lower the floor, look over more messages, or write variants of other categories")]


def greatest_entropy(items: int, categories: int) -> float:
    """Entropy (nats) of so many items spread over categories as evenly as whole items can be; 0 without any."""
    if not items or not categories:
        return 0.0
    each, more = divmod(items, categories)
    counts = [each + 1] * more + [each] * (categories - more)
    return math.log(items) - sum(n * math.log(n) for n in counts if n) / items
