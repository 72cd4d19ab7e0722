"""Publication: how a variant's fragment gets to where pages fetch it, and whether it may be chosen.

Steps are only ever added, and what stands at an instant follows from those before it:

    WRITTEN    its file is where the CDN takes it from; nobody has seen it come out at the other end yet
    PUBLISHED  it was fetched through the CDN's address and is what was written (pre-warmed)
    FAILED     it was not, with the reason
    WITHDRAWN  it is shown no more; its file goes after a while

Two questions are told apart. A variant may be **chosen** while its latest step is PUBLISHED, of the very content that is to be
decided for: new content that is not through yet, or failed, is chosen for nobody. It is **served** from its first PUBLISHED step
until it is withdrawn, as it was last published: to those for whom it was chosen before, new content that failed changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.ids import PlacementId, VariantId
from domain.variant_state import VariantKey


class PublicationState(StrEnum):
    """Where a variant's content stands on its way to pages."""

    WRITTEN = "written"
    PUBLISHED = "published"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Publication:
    """One step. `digest`: version of the content it is about, as in its file's name; `url`: where readers fetch it; `at`: when.

    A combination of placements (`web.home_hero+web.home_strip`) has steps as a placement has them.
    """

    placement: PlacementId
    variant: VariantId
    digest: str
    url: str
    state: PublicationState
    at: datetime
    reason: str | None = None

    @property
    def key(self) -> VariantKey:
        """The variant."""
        return self.placement, self.variant


@dataclass(frozen=True, slots=True)
class Shelf:
    """What stands of one variant. `last`: its last step; `served`: the step that what pages show of it came out with, if anything is.

    `left`: the digests that pages neither show nor are about to, each with the instant since when.
    """

    last: Publication
    served: Publication | None = None
    left: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def digests(self) -> frozenset[str]:
        """The contents whose files are needed."""
        coming = () if self.last.state is PublicationState.WITHDRAWN else (self.last.digest,)
        return frozenset((*coming, *((self.served.digest,) if self.served else ())))


def shelves(steps: Iterable[Publication]) -> dict[VariantKey, Shelf]:
    """How each variant stands after these steps, in the order in which they were added.

    A step out of turn changes nothing: what comes out (PUBLISHED) or does not (FAILED) has to be what was WRITTEN last. So the end of a
    pre-warming that began before a withdrawal, or before newer content was written, is not taken for news.
    """
    found: dict[VariantKey, Shelf] = {}
    for step in steps:
        before = found.get(step.key)
        if before is None or not _out_of_turn(step, before.last):
            found[step.key] = _after(before, step)
    return found


def _out_of_turn(step: Publication, last: Publication) -> bool:
    ends = step.state in (PublicationState.PUBLISHED, PublicationState.FAILED)
    return ends and (last.state is PublicationState.WITHDRAWN or last.digest != step.digest)


def _after(before: Shelf | None, step: Publication) -> Shelf:
    served = before.served if before else None
    if step.state is PublicationState.PUBLISHED:
        served = step
    elif step.state is PublicationState.WITHDRAWN:
        served = None
    after = Shelf(step, served, before.left if before else {})
    gone = (before.digests | {step.digest} if before else frozenset((step.digest,))) - after.digests
    left = {digest: at for digest, at in after.left.items() if digest not in after.digests} | dict.fromkeys(gone, step.at)
    return replace(after, left=left)


def may_be_chosen(step: Publication | None, digest: str) -> bool:
    """Whether a variant whose content has this digest may be decided for, given the last of its steps."""
    return step is not None and step.state is PublicationState.PUBLISHED and step.digest == digest


def standing(step: Publication | None, digest: str) -> str:
    """Why a variant whose content has this digest may not be chosen, in words; empty where it may be."""
    if may_be_chosen(step, digest):
        return ""
    if step is None:
        return "not published"
    if step.digest != digest and step.state is not PublicationState.WITHDRAWN:
        return "not published since it was changed"
    words: Mapping[PublicationState, str] = {
        PublicationState.WRITTEN: "not published yet: it was written, and not yet seen through the CDN",
        PublicationState.FAILED: "not published",
        PublicationState.WITHDRAWN: "withdrawn",
    }
    return words[step.state] + (f": {step.reason}" if step.reason else "")
