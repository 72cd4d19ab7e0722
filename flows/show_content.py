"""Show content: which variants pages show, and which may be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from delivery.published_files import PublishedFile, combined_files, file_of, folders_of, published_variants
from domain.content import Content
from domain.publication import PublicationState, Shelf, may_be_chosen, standing
from runtime.house import House


@dataclass(frozen=True, slots=True)
class VariantStanding:
    """A variant, or a combination. `state`: its last step, or `new`; `version`: of its file in the folder; `chosen`: whether that
    may be; `url`: of what pages show of it, in this version or an earlier one, if anything; `reason`: why it may not be chosen."""

    placement: str
    variant: str
    state: str
    version: str
    chosen: bool
    url: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ContentStanding:
    """A campaign's published placements. `strays`: variants that pages still show and the campaign's folder no longer has; `faults`: files
    that say what is shown at present, and did not come out as they were written."""

    campaign: str
    address: str
    variants: tuple[VariantStanding, ...]
    combinations: tuple[VariantStanding, ...]
    strays: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def chosen(self) -> int:
        """How many variants may be chosen."""
        return sum(one.chosen for one in self.variants)

    @property
    def failed(self) -> int:
        """How many files did not come out as they were written."""
        failed = PublicationState.FAILED.value
        return sum(one.state == failed for one in (*self.variants, *self.combinations)) + len(self.faults)

    @property
    def first_fault(self) -> str:
        """One of them, with what was wrong."""
        failed = (one for one in (*self.variants, *self.combinations) if one.state == PublicationState.FAILED.value)
        return next((f"{one.placement}/{one.variant}: {one.reason}" for one in failed), next(iter(self.faults), ""))


def content_standing(house: House, content: Content, at: datetime, faults: Sequence[str] = ()) -> ContentStanding:
    """How a campaign's published placements stand at an instant."""
    files = [file_of(one) for one in published_variants(content)]
    shelves = house.publications.shelves(folders_of(content), at)
    variants = tuple(_standing(file, shelves.get(file.key)) for file in files)
    able = [file.key for file, one in zip(files, variants, strict=True) if one.chosen]
    combinations = tuple(_standing(file, shelves.get(file.key)) for file in combined_files(content, able))
    known = {one.placement for one in content.campaign.placements}
    strays = [f"{'/'.join(key)}" for key, one in shelves.items() if one.served and key[0] in known and key not in {f.key for f in files}]
    return ContentStanding(
        content.campaign.campaign, house.settings.content_address, variants, combinations, tuple(sorted(strays)), tuple(faults)
    )


def _standing(file: PublishedFile, shelf: Shelf | None) -> VariantStanding:
    step = shelf.last if shelf else None
    return VariantStanding(
        placement=file.placement,
        variant=file.variant,
        state=step.state.value if step else "new",
        version=file.version,
        chosen=may_be_chosen(step, file.version),
        url=shelf.served.url if shelf and shelf.served else None,
        reason=standing(step, file.version),
    )


def as_rows(found: ContentStanding) -> list[dict[str, str | bool | None]]:
    """One row per variant, those that may not be chosen first."""
    ordered = sorted(found.variants, key=lambda one: (one.chosen, one.placement, one.variant))
    return [
        {
            "placement": one.placement,
            "variant": one.variant,
            "state": one.state,
            "chosen": one.chosen,
            "url": one.url,
            "why not": one.reason,
        }
        for one in ordered
    ]
