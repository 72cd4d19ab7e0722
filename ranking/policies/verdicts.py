"""The results of an off-policy evaluation: values, comparisons, and sentences that claim no more than they can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce

from ranking.policies.estimators import Estimate, Interval, Support

_SURE = 0.997  # several policies are asked, so that one of them errs by chance more often than each
_BY_PREFIX = " By prefix weights, for here clicks depend on what stands above."


@dataclass(frozen=True, slots=True)
class Supported:
    """An estimate with what speaks for it."""

    estimate: Estimate
    support: Support


@dataclass(frozen=True, slots=True)
class Judged:
    """One policy on one log. `prefix` is None where joint probabilities were not logged, `doubly_robust` without a model.

    `by_prefix`: in this log clicks depend on what stands above, so that only prefix weights can be trusted (FACTS §11).
    """

    policy: str
    item_position: Supported
    prefix: Supported | None
    doubly_robust: Estimate | None
    by_prefix: bool = False

    @property
    def disagree(self) -> bool:
        """Whether prefix and item-position weights differ by more than chance explains, where there is enough to say so.

        The two are of the same slates, so it is their paired difference that is looked at.
        """
        if self.prefix is None or self.prefix.support.reasons:
            return False
        return self.prefix.estimate.minus(self.item_position.estimate).nonzero(_SURE)

    @property
    def trusted(self) -> Supported:
        """The estimate that verdicts rest on."""
        return self.prefix if self.by_prefix and self.prefix else self.item_position


def with_trust(judged: Mapping[str, Judged]) -> dict[str, Judged]:
    """How readers read is a matter of the log, not of a policy: where any policy shows that clicks depend on what stands above,
    all of them are judged by prefix, also those of which too little was seen to show it."""
    by_prefix = any(one.disagree for one in judged.values())
    return {role: replace(one, by_prefix=by_prefix) for role, one in judged.items()}


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a policy would earn per slate. `role` is the same in every evaluation, `policy` says it for people. `support` is that of
    the item-position and doubly robust estimates, `prefix_support` that of the prefix one. `by_prefix`: clicks depend on what stands
    above, and verdicts rest on the prefix estimate. `cannot_tell` says why there can be no verdict, and is empty if there can."""

    role: str
    policy: str
    item_position: Interval
    prefix: Interval | None
    doubly_robust: Interval | None
    support: Support
    prefix_support: Support | None
    by_prefix: bool
    cannot_tell: tuple[str, ...]


class Verdict(StrEnum):
    """What may be said of two policies."""

    BETTER = "better"
    WORSE = "worse"
    ALIKE = "not distinguishable"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The paired difference of two policies on the same recipients, and what may be said of it. `roles` are the two policies'."""

    roles: tuple[str, str]
    policy: str
    against: str
    difference: Interval
    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which policy, by role, the decisions that were judged speak for, and why in a sentence: a model only where it has been shown
    to earn more than the best fixed ranking, for a simpler policy that earns as much is the better one. None: they speak for nothing."""

    role: str | None
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
        judged.prefix.support if judged.prefix else None,
        judged.by_prefix,
        judged.trusted.support.reasons,
    )


def compare(judged: Mapping[str, Judged], roles: tuple[str, str]) -> Comparison:
    """Better, worse, not distinguishable, or cannot tell: the last if either side lacks support."""
    policy, against = judged[roles[0]], judged[roles[1]]
    sides = policy.trusted, against.trusted
    difference = sides[0].estimate.minus(sides[1].estimate).interval
    reasons = tuple(dict.fromkeys(reason for side in sides for reason in side.support.reasons))
    verdict = _verdict(difference, reasons)
    how = _BY_PREFIX if policy.by_prefix else ""
    sentence = _say(policy.policy, against.policy, difference, verdict, "; ".join(reasons)) + how
    return Comparison(roles, policy.policy, against.policy, difference, verdict, sentence)


def _verdict(difference: Interval, reasons: Sequence[str]) -> Verdict:
    if reasons:
        return Verdict.CANNOT_TELL
    if difference.low > 0:
        return Verdict.BETTER
    return Verdict.WORSE if difference.high < 0 else Verdict.ALIKE


def _say(policy: str, against: str, difference: Interval, verdict: Verdict, reasons: str) -> str:
    if verdict is Verdict.CANNOT_TELL:
        return f"Cannot tell {policy} from {against}: {reasons}."
    figures = f"(difference {difference.value:+.4f}, 95 % interval {difference.low:+.4f} to {difference.high:+.4f})"
    earns = {Verdict.BETTER: "earns more than", Verdict.WORSE: "earns less than", Verdict.ALIKE: "is not distinguishable from"}
    return f"{policy[0].upper()}{policy[1:]} {earns[verdict]} {against} {figures}."


def choose_by(comparison: Comparison, fixed: str) -> Choice:
    """The choice between a model and the best fixed ranking, from their comparison; `fixed` is the role of that ranking."""
    model = comparison.policy
    if comparison.verdict is Verdict.CANNOT_TELL:
        return Choice(None, f"These decisions speak neither for {model} nor for {fixed}: there are too few of the right kind to tell.")
    if comparison.verdict is Verdict.BETTER:
        return Choice(comparison.roles[0], f"These decisions speak for {model}: it earns more than {fixed}.")
    earned = "earns less" if comparison.verdict is Verdict.WORSE else "has not been shown to earn more"
    return Choice(fixed, f"These decisions speak for {fixed}: {model} {earned}.")


def totalled(name: str, parts: Sequence[tuple[float, Judged]]) -> Judged:
    """The sum over placements, each by how many of its slates there are per letter."""
    prefix = [(share, judged.prefix) for share, judged in parts if judged.prefix]
    robust = [judged.doubly_robust.scaled(share) for share, judged in parts if judged.doubly_robust]
    return Judged(
        name,
        _summed([(share, judged.item_position) for share, judged in parts]),
        _summed(prefix) if len(prefix) == len(parts) else None,
        reduce(Estimate.plus, robust) if len(robust) == len(parts) else None,
        any(judged.by_prefix for _, judged in parts),
    )


def _summed(parts: Sequence[tuple[float, Supported]]) -> Supported:
    estimate = reduce(Estimate.plus, (part.estimate.scaled(share) for share, part in parts))
    return Supported(estimate, reduce(Support.and_, (part.support for _, part in parts)))
