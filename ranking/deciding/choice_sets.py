"""Choice sets: for each recipient and placement, what may be drawn and what the model says of it.

Everything that narrows a choice is settled here, before anything is drawn, from what is known by then: time windows and conditions,
variants shown too often, the diversity floor. That is why the propensities of what is drawn afterwards are exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.campaign import Cap, Placement, PlacementKind, Policy
from domain.content import Content, Variant
from domain.ids import PlacementId
from ranking.debiasing import prior_examination
from ranking.deciding.candidates import Candidates, candidates_of
from ranking.deciding.diversity import Floor, Restricted, restrict, share_of_a_letter
from ranking.deciding.exposures import Windows
from ranking.deciding.offers import Considered
from ranking.deciding.repeats import categories_of, category_counts, shown_too_often, variant_counts
from ranking.layout import FeatureFrame, Floats
from ranking.model import RankingModel
from ranking.policies.propensities import Eligible
from ranking.scoring.scorer import score

DEFAULT_TEMPERATURE = 0.5  # where neither the campaign nor a model says


@dataclass(frozen=True, slots=True)
class ChoiceSet:
    """One placement for n recipients. `log_rates` float32[n, V] (zeros without a model); `candidates.eligible` is what may be drawn.

    `repeated` and `undiverse` bool[n, V] mark variants that were taken out for being shown too often, and for the diversity floor.
    """

    candidates: Candidates
    log_rates: Floats
    repeated: Eligible
    undiverse: Eligible

    @property
    def placement(self) -> Placement:
        return self.candidates.placement


@dataclass(frozen=True, slots=True)
class ChoiceSets:
    """All placements of a letter. `floor` is what the diversity floor meant for each recipient; None without one."""

    placements: tuple[ChoiceSet, ...]
    scored: bool
    floor: Restricted | None

    def of(self, placement: PlacementId) -> ChoiceSet:
        """The choice set of a placement."""
        return next(one for one in self.placements if one.placement.placement == placement)

    def counts(self, drawn: npt.NDArray[np.bool_]) -> dict[str, int]:
        """How many of the recipients bool[n] each constraint touched: `repeats.PLACEMENT`, `diversity.STATUS`; only what is not 0."""
        repeats = {f"repeats.{one.placement.placement}": int(one.repeated[drawn].any(axis=1).sum()) for one in self.placements}
        status = self.floor.status[drawn] if self.floor else np.empty(0)
        diversity = {f"diversity.{kind.name.lower()}": int((status == kind).sum()) for kind in Floor}
        return {name: count for name, count in (repeats | diversity).items() if count}


def temperature_of(policy: Policy, model: RankingModel | None) -> float:
    """The campaign's temperature; where it leaves the choice to training, the model's."""
    return policy.temperature or (model.card.temperature if model else None) or DEFAULT_TEMPERATURE


def choice_sets(
    n: int,
    features: FeatureFrame | None,
    *,
    content: Content,
    eligible: Mapping[PlacementId, Eligible],
    model: RankingModel | None,
    as_of: datetime,
    exposures: pd.DataFrame | None = None,
) -> ChoiceSets:
    """The choice sets of n recipients, row by row as `features` and `eligible` (bool[n, V] per placement, in the order of `content.of`).

    `exposures` (`ranking.deciding.exposures`, aligned) are needed for caps on variants and for the diversity floor; None: nobody was
    shown anything.
    """
    placements = [
        _scored(n, features, candidates_of(content, placement, eligible, as_of), model, as_of) for placement in content.campaign.placements
    ]
    if exposures is not None:
        placements = [_without_repeats(one, content, exposures) for one in placements]
    sets = ChoiceSets(tuple(placements), scored=model is not None, floor=None)
    return sets if content.campaign.policy.diversity is None else _diverse(sets, content, model, exposures)


def _scored(n: int, features: FeatureFrame | None, candidates: Candidates, model: RankingModel | None, as_of: datetime) -> ChoiceSet:
    shape = n, len(candidates.variants)
    rates = np.zeros(shape, np.float32) if model is None or features is None else score(model, features, candidates.variants, as_of)
    return ChoiceSet(candidates, rates, np.zeros(shape, bool), np.zeros(shape, bool))


def _without_repeats(one: ChoiceSet, content: Content, exposures: pd.DataFrame) -> ChoiceSet:
    """Take out what a recipient has been shown as often as its cap says."""
    variants = content.of(one.placement.placement)
    most = np.array([cap.messages if (cap := cap_of(v, content.campaign.policy)) else np.inf for v in variants])
    counts = variant_counts(exposures, len(one.log_rates), one.placement.placement, [v.variant for v in variants])
    repeated = shown_too_often(counts, most) & one.candidates.eligible
    return replace(one, candidates=replace(one.candidates, eligible=one.candidates.eligible & ~repeated), repeated=repeated)


def cap_of(variant: Variant, policy: Policy) -> Cap | None:
    """How often one recipient may be shown a variant: its own cap, else the policy's."""
    return variant.cap or policy.variant_cap


def _diverse(sets: ChoiceSets, content: Content, model: RankingModel | None, exposures: pd.DataFrame | None) -> ChoiceSets:
    """Narrow the blocks' candidates so that every draw keeps the recipient's mix of categories above the floor."""
    diversity = content.campaign.policy.diversity
    blocks = [one for one in sets.placements if one.placement.kind is not PlacementKind.SUBJECT]
    if diversity is None or not blocks:
        return sets
    names = {v.category for one in blocks for v in one.candidates.variants}
    categories, shown = _shown(exposures, len(blocks[0].log_rates), [one.placement.placement for one in blocks], names)
    # Each letter brings a share of the mix itself: else every N-th letter would have to make up for the N − 1 before it.
    alone = share_of_a_letter(diversity.floor, diversity.messages)
    found = restrict([_considered(one, categories, model) for one in blocks], shown, diversity.floor, alone=alone)
    narrowed = {one.placement.placement: mask for one, mask in zip(blocks, found.eligible, strict=True)}
    return ChoiceSets(tuple(_narrowed(one, narrowed.get(one.placement.placement)) for one in sets.placements), sets.scored, found)


def _shown(
    exposures: pd.DataFrame | None, n: int, placements: Sequence[str], candidates: set[str]
) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """All categories that count, and how much of each the recipients' last letters showed: int64[n, C]."""
    if exposures is None:
        return tuple(sorted(candidates)), np.zeros((n, len(candidates)), np.int64)
    here = exposures[exposures["placement"].isin(placements)]
    categories = categories_of(here, candidates)
    return categories, category_counts(here, n, placements, categories)


def _considered(one: ChoiceSet, categories: tuple[str, ...], model: RankingModel | None) -> Considered:
    positions = one.placement.positions
    theta = model.card.examination.theta if model else ()
    known = [theta[min(k, len(theta) - 1)] for k in range(positions)] if theta else prior_examination(positions).theta
    category = np.array([categories.index(v.category) for v in one.candidates.variants], dtype=np.int64)
    return Considered(one.log_rates, one.candidates.eligible, category, one.candidates.defaults, np.array(known, dtype=np.float64))


def _narrowed(one: ChoiceSet, eligible: Eligible | None) -> ChoiceSet:
    if eligible is None:
        return one
    undiverse = one.candidates.eligible & ~eligible
    return replace(one, candidates=replace(one.candidates, eligible=eligible), undiverse=undiverse)


def is_constrained(content: Content) -> bool:
    """Whether deciding needs to know what recipients were shown before."""
    policy = content.campaign.policy
    return policy.diversity is not None or any(cap_of(v, policy) for v in content.variants)


def constraint_words(name: str) -> str:
    """A name of `ChoiceSets.counts` for people."""
    kind, _, what = name.partition(".")
    return f"diversity: {Floor[what.upper()].words}" if kind == "diversity" else f"{what}: a variant left out that was shown often enough"


def windows_of(content: Content) -> Windows:
    """What has to be known of the past for the caps and the diversity floor of a campaign."""
    policy = content.campaign.policy
    days: dict[tuple[str, str], timedelta] = {
        (v.placement, v.variant): timedelta(days=cap.per_days) for v in content.variants if (cap := cap_of(v, policy))
    }
    return Windows(days, tuple(p.placement for p in content.campaign.placements), policy.diversity.messages - 1 if policy.diversity else 0)
