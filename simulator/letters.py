"""The letter as a reader meets it: a subject line, and slots from top to bottom with what could stand in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.campaign import PlacementKind
from domain.content import Content
from domain.ids import PlacementId, VariantId
from simulator.people import CATEGORIES


@dataclass(frozen=True, slots=True)
class Choice:
    """A variant as the simulator knows it."""

    variant: VariantId
    category: str


@dataclass(frozen=True, slots=True)
class Surface:
    """A placement: `rank` is that of its first slot among the letter's slots, from the top, 0-based; `default`: the default slate."""

    placement: PlacementId
    positions: int
    is_subject: bool
    rank: int
    choices: tuple[Choice, ...]
    default: tuple[VariantId, ...]

    def index(self, variants: Sequence[VariantId]) -> tuple[int, ...]:
        """The places of variants in `choices`."""
        ids = [choice.variant for choice in self.choices]
        return tuple(ids.index(variant) for variant in variants)


def surfaces_of(content: Content) -> tuple[Surface, ...]:
    """The surfaces of a compiled campaign, in the order in which they stand in its letter."""
    order = {placement: number for number, placement in enumerate(content.frame.slots)}
    placements = sorted(content.campaign.placements, key=lambda p: order.get(p.placement, -1))
    found, rank = [], 0
    for placement in placements:
        choices = tuple(Choice(v.variant, v.category) for v in content.of(placement.placement))
        is_subject = placement.kind is PlacementKind.SUBJECT
        default = content.default_slate(placement.placement)
        found.append(Surface(placement.placement, placement.positions, is_subject, rank, choices, default))
        rank += 0 if is_subject else placement.positions
    return tuple(found)


def _surface(name: str, rank: int, *variants: str, positions: int = 1) -> Surface:
    """A surface of the weekly letter from `id category` pairs; the first ones are the default slate."""
    choices = tuple(Choice(VariantId(variant), category) for variant, category in (pair.split() for pair in variants))
    default = tuple(choice.variant for choice in choices[:positions])
    ordered = tuple(sorted(choices, key=lambda choice: choice.variant))
    return Surface(PlacementId(f"weekly.{name}"), positions, name == "subject", rank, ordered, default)


# A letter to simulate without any templates at hand.
WEEKLY: tuple[Surface, ...] = (
    _surface("subject", 0, "default general", "garden garden", "kitchen kitchen", "books books", "outdoor outdoor"),
    _surface("hero", 0, "default general", *(f"{category} {category}" for category in CATEGORIES)),
    _surface(
        *("story", 1, "best-of general", "new-in general", "makers home", "bread kitchen", "hiking outdoor", "novels books", "toys kids"),
        positions=3,
    ),
    _surface("offer", 4, "default general", "shipping general", "bundle kitchen", "early garden", "club books"),
)
