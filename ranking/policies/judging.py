"""Judging policies on the slates of one placement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.hashing import keys_of, uniforms
from ranking.policies.estimators import doubly_robust, item_position_weights, on_policy, prefix_weights, self_normalised, support
from ranking.policies.slates import Doubles, Slates
from ranking.policies.targets import RewardModel, Target, TargetPolicy, first_then, popularity
from ranking.policies.verdicts import Judged, Supported, with_trust

LOGGED, RANDOM, DEFAULT = "logged", "random", "default"
BEST, POPULAR = "best fixed", "popularity"
MODEL, INCUMBENT = "model", "incumbent"

_ALWAYS, _FIRST = "always ", " first"
_FOLD_SALT = "evaluation-fold"
_FAINTEST = 1e-3  # of the best rate: what the least popular variant counts as


def tempered(model: str) -> str:
    """The role of a model's policy at the campaign's temperature; the model's own name is its role when followed strictly."""
    return f"{model} at temperature"


@dataclass(frozen=True, slots=True)
class Bench:
    """What policies are judged with: slates, θ by position, number of recipients over all placements, and log-rates
    float64[n, V] of models by role; the first is also the reward model of the doubly robust estimate."""

    slates: Slates
    theta: Doubles
    recipients: int
    log_rates: Mapping[str, Doubles]
    temperature: float
    default: Sequence[str]

    @property
    def reward(self) -> RewardModel:
        """The first model's rates; zeros without a model."""
        for log_rates in self.log_rates.values():
            return RewardModel(np.exp(log_rates), self.theta)
        return RewardModel(np.zeros(self.slates.candidate.shape), self.theta)


def judge_all(bench: Bench) -> dict[str, Judged]:
    """Every policy by its role, in the order in which they are shown."""
    found = {LOGGED: _logged(bench)}
    found |= {role: judge(bench, policy.on(bench.slates, bench.reward)) for role, policy in policies_of(bench).items()}
    return with_trust(found)


def policies_of(bench: Bench) -> dict[str, TargetPolicy]:
    """The policies to judge by role: those that know nothing of recipients, then each model, strictly and at temperature."""
    slates = bench.slates
    rates = popularity(slates, bench.theta, np.ones(len(slates), dtype=bool))
    out = {RANDOM: TargetPolicy(RANDOM, np.zeros(slates.candidate.shape), drawn=True)}
    if set(bench.default) & set(slates.variants):
        out[DEFAULT] = _fixed(slates, "the default slate", first_then(slates.variants, bench.default, rates))
    for variant in slates.variants:
        role = always(variant, slates.positions)
        out[role] = _fixed(slates, role, first_then(slates.variants, [variant], rates))
    return out | _popular(bench) | _modelled(bench)


def always(variant: str, positions: int) -> str:
    """The role of showing one variant to everyone, followed by the others by popularity."""
    return f"{_ALWAYS}{variant}" if positions == 1 else f"{variant}{_FIRST}"


def is_single(role: str) -> bool:
    """Whether a role is that of showing one variant to everyone."""
    return role.startswith(_ALWAYS) or role.endswith(_FIRST)


def most_popular(bench: Bench) -> str:
    """The role of the fixed ranking that earned most on all slates."""
    rates = popularity(bench.slates, bench.theta, np.ones(len(bench.slates), dtype=bool))
    return always(bench.slates.variants[int(rates.argmax())], bench.slates.positions)


def judge(bench: Bench, target: Target) -> Judged:
    """All estimates of one policy."""
    slates, recipients = bench.slates, bench.recipients
    by_position = item_position_weights(target, slates)
    position = Supported(self_normalised(by_position, slates, recipients), support(by_position, slates))
    prefix = robust = None
    if slates.positions == 1:
        prefix = position
    elif slates.prefix_known:
        by_prefix = prefix_weights(target, slates)
        prefix = Supported(self_normalised(by_prefix, slates, recipients), support(by_prefix, slates))
    if bench.log_rates:
        robust = doubly_robust(by_position, target, slates.at_item(bench.reward.rate) * bench.theta, slates, recipients)
    return Judged(target.name, position, prefix, robust)


def _logged(bench: Bench) -> Judged:
    value = on_policy(bench.slates, bench.recipients)
    found = Supported(value, support(bench.slates.filled.astype(np.float64), bench.slates))
    return Judged("what was logged", found, found, value if bench.log_rates else None)


def _fixed(slates: Slates, name: str, preference: Doubles) -> TargetPolicy:
    return TargetPolicy(name, np.broadcast_to(preference, slates.candidate.shape), drawn=False)


def _popular(bench: Bench) -> dict[str, TargetPolicy]:
    """By rates of variants alone: the best of them for everyone, and drawn like a model's policy. For each half of the recipients
    the rates are those of the other half: nothing is chosen on what it is judged by."""
    slates = bench.slates
    half = fold_of(slates)
    rates = np.empty(slates.candidate.shape)
    for rows in (half, ~half):
        rates[rows] = popularity(slates, bench.theta, ~rows)
    tops = sorted({slates.variants[int(rates[rows][0].argmax())] for rows in (half, ~half) if rows.any()})
    name = " or ".join(tops)
    name = f"always {name} (the best single variant)" if slates.positions == 1 else f"{name} first (the best fixed ranking)"
    log_rates = np.log(np.maximum(rates, max(_FAINTEST * rates.max(initial=0.0), np.finfo(float).tiny)))
    drawn = TargetPolicy(f"popularity at temperature {bench.temperature:g}", log_rates / bench.temperature, drawn=True)
    return {BEST: TargetPolicy(name, rates, drawn=False), POPULAR: drawn}


def fold_of(slates: Slates) -> npt.NDArray[np.bool_]:
    """Half of the recipients, by hash: bool[n]."""
    return np.asarray(uniforms(keys_of(slates.recipient_id), _FOLD_SALT) < 0.5)  # noqa: PLR2004 - a half


def _modelled(bench: Bench) -> dict[str, TargetPolicy]:
    """Each model followed strictly and at the campaign's temperature."""
    out: dict[str, TargetPolicy] = {}
    for model, log_rates in bench.log_rates.items():
        name = f"the {model} at temperature {bench.temperature:g}"
        out[model] = TargetPolicy(f"the {model}", log_rates, drawn=False)
        out[tempered(model)] = TargetPolicy(name, log_rates / bench.temperature, drawn=True)
    return out
