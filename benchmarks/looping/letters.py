"""The letters of a year: every week some variants leave and new ones come, each with an appeal of its own."""

from domain.campaign import Campaign, Holdout, Placement, PlacementKind, Policy, Sender
from domain.content import Block, Content, Frame, Variant
from domain.ids import CampaignId, ContentVersion, PlacementId, VariantId
from simulator.letters import Choice, Surface
from simulator.people import CATEGORIES

CAMPAIGN = CampaignId("weekly")
WEEKS_LIVE = 8  # of a variant; a placement's variants are not replaced all at once

_PLACEMENTS = (("subject", 1, 1), ("hero", 1, 1), ("story", 3, 1))  # name, positions, variants per category beside the default slate
_NOTHING = Block("", "", dynamic=False)


def surfaces_of_week(week: int) -> tuple[Surface, ...]:
    """The placements of the letter of a week and what could stand in them: subject line, hero, three stories."""
    ranks = {"subject": 0, "hero": 0, "story": 1}
    return tuple(_surface(name, positions, each, ranks[name], week) for name, positions, each in _PLACEMENTS)


def _surface(name: str, positions: int, each: int, rank: int, week: int) -> Surface:
    defaults = [Choice(VariantId(f"default-{place}"), "general") for place in range(positions)]
    drawn = [Choice(_variant(category, at, number, week), category) for at, category in enumerate(CATEGORIES) for number in range(each)]
    choices = tuple(sorted([*defaults, *drawn], key=lambda choice: choice.variant))
    return Surface(PlacementId(name), positions, name == "subject", rank, choices, tuple(choice.variant for choice in defaults))


def _variant(category: str, at: int, number: int, week: int) -> VariantId:
    return VariantId(f"{category}-{number}-{(week + at + WEEKS_LIVE // 2 * number) // WEEKS_LIVE}")


def content_of_week(week: int, policy: Policy, holdout: Holdout) -> Content:
    """The same letter as the house knows it."""
    surfaces = surfaces_of_week(week)
    placements = tuple(Placement(s.placement, s.placement, s.positions, _kind(s)) for s in surfaces)
    sender = Sender("A shop", "letters@shop.example")
    campaign = Campaign(CAMPAIGN, "Weekly", sender, "1 High Street", "TRUE", placements, policy=policy, holdout=holdout)
    slots = tuple(s.placement for s in surfaces if not s.is_subject)
    empty = ("",) * (len(slots) + 1)
    variants = tuple(_as_variant(surface, choice) for surface in surfaces for choice in surface.choices)
    return Content(ContentVersion(f"week-{week}"), campaign, Frame(empty, empty, slots), variants, ())


def _kind(surface: Surface) -> PlacementKind:
    return PlacementKind.SUBJECT if surface.is_subject else PlacementKind.BLOCK


def _as_variant(surface: Surface, choice: Choice) -> Variant:
    default = choice.variant in surface.default
    rank = surface.default.index(choice.variant) + 1 if default else None
    return Variant(choice.variant, surface.placement, choice.variant, choice.category, default, _NOTHING, default_rank=rank)
