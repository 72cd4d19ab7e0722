"""The results of an off-policy evaluation: values, comparisons, and sentences that claim no more than they can."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from ranking.estimators import Estimate, Interval, Support


@dataclass(frozen=True, slots=True)
class Supported:
    """An estimate with what speaks for it."""

    estimate: Estimate
    support: Support


@dataclass(frozen=True, slots=True)
class Judged:
    """One policy on one log. `prefix` is None where joint probabilities were not logged, `doubly_robust` without a model."""

    policy: str
    item_position: Supported
    prefix: Supported | None
    doubly_robust: Estimate | None

    @property
    def disagree(self) -> bool:
        """Whether item-position and prefix intervals exclude each other: clicks then depend on what stood above."""
        if self.prefix is None:
            return False
        a, b = self.item_position.estimate.interval, self.prefix.estimate.interval
        return a.high < b.low or b.high < a.low

    def trusted(self, by_prefix: bool) -> Supported:
        """The estimate that a verdict rests on: by prefix where the two disagree (FACTS §11)."""
        return self.prefix if by_prefix and self.prefix else self.item_position


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a policy would earn per slate. `role` is the same in every evaluation, `policy` says it for people. `support` is that of
    the item-position estimate; `cannot_tell` says why the value is no basis for a verdict, and is empty if it is one."""

    role: str
    policy: str
    item_position: Interval
    prefix: Interval | None
    doubly_robust: Interval | None
    support: Support
    disagree: bool
    cannot_tell: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference of two policies on the same recipients, and what may be said of it."""

    policy: str
    against: str
    difference: Interval
    verdict: str
    sentence: str


def value_of(role: str, judged: Judged) -> PolicyValue:
    """The figures for people."""
    return PolicyValue(
        role,
        judged.policy,
        judged.item_position.estimate.interval,
        judged.prefix.estimate.interval if judged.prefix else None,
        judged.doubly_robust.interval if judged.doubly_robust else None,
        judged.item_position.support,
        judged.disagree,
        judged.trusted(judged.disagree).support.reasons,
    )


def compare(policy: Judged, against: Judged) -> Comparison:
    """Better, worse, not distinguishable, or cannot tell: the last if either side lacks support."""
    by_prefix = policy.disagree or against.disagree
    sides = policy.trusted(by_prefix), against.trusted(by_prefix)
    difference = sides[0].estimate.minus(sides[1].estimate).interval
    reasons = tuple(dict.fromkeys(reason for side in sides for reason in side.support.reasons))
    verdict, sentence = _say(policy.policy, against.policy, difference, reasons)
    return Comparison(policy.policy, against.policy, difference, verdict, sentence)


def _say(policy: str, against: str, difference: Interval, reasons: Sequence[str]) -> tuple[str, str]:
    if reasons:
        return "cannot tell", f"Cannot tell {policy} from {against}: {'; '.join(reasons)}."
    figures = f"(difference {difference.value:+.4f}, 95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    subject = policy[0].upper() + policy[1:]
    if difference.low > 0:
        return "better", f"{subject} earns more than {against} {figures}."
    if difference.high < 0:
        return "worse", f"{subject} earns less than {against} {figures}."
    return "not distinguishable", f"{subject} is not distinguishable from {against} {figures}."


def totalled(name: str, parts: Sequence[tuple[float, Judged]]) -> Judged:
    """The sum over placements, each by how many of its slates there are per letter."""
    prefix = [(share, judged.prefix) for share, judged in parts if judged.prefix]
    robust = [judged.doubly_robust.scaled(share) for share, judged in parts if judged.doubly_robust]
    return Judged(
        name,
        _summed([(share, judged.item_position) for share, judged in parts]),
        _summed(prefix) if len(prefix) == len(parts) else None,
        reduce(Estimate.plus, robust) if len(robust) == len(parts) else None,
    )


def _summed(parts: Sequence[tuple[float, Supported]]) -> Supported:
    """Support is that of the weakest part; outcomes that matched add up."""
    supports = [part.support for _, part in parts]
    weakest = Support(min(s.sample for s in supports), max(s.largest_weight for s in supports), sum(s.matched for s in supports))
    return Supported(reduce(Estimate.plus, (part.estimate.scaled(share) for share, part in parts)), weakest)
