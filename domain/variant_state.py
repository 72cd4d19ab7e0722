"""What became of a variant: live, or retired because readers clicked it less than they should have, or because somebody said so."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import PlacementId, VariantId

VariantKey = tuple[PlacementId, VariantId]


@dataclass(frozen=True, slots=True)
class Retirement:
    """A variant that no send opened after `at` chooses. `who`: a person, or `letterpress`."""

    placement: PlacementId
    variant: VariantId
    at: datetime
    who: str
    why: str

    @property
    def key(self) -> VariantKey:
        """The variant."""
        return self.placement, self.variant
