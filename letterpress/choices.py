"""How the first of each placement came to be first: by what the model saw, by chance, or by rule."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from domain.content import Content
from domain.decision import Arm
from domain.ids import PlacementId, VariantId
from domain.variant_state import VariantKey
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from ranking.scoring.contributions import Comparison, Contribution, compare
from ranking.scoring.reasons import percent, sentence
from ranking.specification import facts_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant of a placement. `excluded` says why it was no candidate; `position` is where it was put, if it was chosen; `price` is
    what was taken off its log-weight because a send has only so many of it."""

    placement: str
    variant: str
    score: float | None
    excluded: str | None
    position: int | None
    propensity: float | None
    prefix_propensity: float | None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """A contribution with its words, and its effect as people read it: by how much it raises the winner's rate over the other's."""

    words: str
    change: str
    contribution: Contribution


@dataclass(frozen=True, slots=True)
class Choice:
    """The winner (position 1) of a placement beside the runner-up, the highest score among the other candidates.

    `how` says how it was chosen. `log_rate_difference` (winner − runner-up) is the sum of the effects of `reasons`; without a model, or
    where there was no choice (holdout, one candidate), there is no runner-up and no reason.
    """

    placement: str
    winner: str
    runner_up: str | None
    how: str
    log_rate_difference: float | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Served:
    """What one recipient's scores came from: the model and their features as they were served."""

    model: RankingModel
    features: FeatureFrame


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a recipient's choices were made from. `served` is None without a model; `unpublished`: what pages could not show, and why."""

    content: Content
    as_of: datetime
    arm: str | None
    served: Served | None
    unpublished: Mapping[VariantKey, str] = field(default_factory=dict)


def choices_of(candidates: Iterable[Candidate], made_from: Circumstances) -> Iterator[Choice]:
    """The choice of every placement that has a winner; candidates of a placement stand together."""
    for _, group in groupby(candidates, key=lambda one: one.placement):
        together = list(group)
        for winner in (one for one in together if one.position == 1):
            yield _choice(winner, [one for one in together if one is not winner and one.excluded is None], made_from)


def _choice(winner: Candidate, rivals: Sequence[Candidate], made_from: Circumstances) -> Choice:
    best = max((one for one in rivals if one.score is not None), key=lambda one: one.score or 0.0, default=None)
    rule = _by_rule(winner, rivals, made_from.arm)
    how = rule or _by_draw(winner, rivals, best, made_from.arm)
    if rule or best is None or made_from.served is None or winner.score is None:
        return Choice(winner.placement, winner.variant, None, how, None, ())
    served, facts = made_from.served, {(v.placement, v.variant): facts_of(v) for v in made_from.content.variants}
    one, other = (facts[PlacementId(each.placement), VariantId(each.variant)] for each in (winner, best))
    found = compare(served.model, served.features, one, other, made_from.as_of)
    return Choice(winner.placement, winner.variant, best.variant, how, found.difference, tuple(_reasons(found, served)))


def _reasons(found: Comparison, served: Served) -> Iterator[Reason]:
    for part in found.contributions:
        yield Reason(sentence(part, found, served.model.parameters), percent(part.effect), part)


def _by_rule(winner: Candidate, rivals: Sequence[Candidate], arm: str | None) -> str | None:
    """Why there was nothing to choose; None if there was."""
    if arm == Arm.HOLDOUT:
        return "the default, whatever the model says: the recipient is of the holdout"
    if winner.excluded:
        return "the default: no candidate was left"
    return None if rivals else "the only candidate"


def _by_draw(winner: Candidate, rivals: Sequence[Candidate], best: Candidate | None, arm: str | None) -> str:
    """What part the model had in the draw: what it did not decide is not put down to it."""
    chance = "" if winner.propensity is None else f" (chance {winner.propensity:.1%})"
    if arm == Arm.EXPLORE:
        both = chance.replace("chance", "chance over both arms")  # what is logged is the mixture: no arm was known to it
        return f"drawn at random from {len(rivals) + 1} candidates, whatever the scores: the recipient is of the arm explore{both}"
    if best is None or best.score is None or winner.score is None:
        return f"drawn at random: without a model all {len(rivals) + 1} candidates were equally likely{chance}"
    if winner.score < best.score and best.price:
        return f"drawn although {best.variant} scored higher, of which there are only so many{chance}"
    if winner.score < best.score:
        return f"drawn by chance although {best.variant} scored higher{chance}"
    return f"scored highest of {len(rivals) + 1} candidates{chance}"
