"""Judging policies on the slates of one placement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.hashing import keys_of, uniforms
from ranking.estimators import doubly_robust, item_position_weights, on_policy, prefix_weights, self_normalised, support
from ranking.slates import Doubles, Slates
from ranking.targets import RewardModel, Target, deterministic, first_then, popularity, stochastic
from ranking.verdicts import Judged, Supported

LOGGED, RANDOM, DEFAULT = "logged", "random", "default"
BEST, GREEDY, TEMPERED = "best fixed", "model", "model at temperature"

_FOLD_SALT = "evaluation-fold"


@dataclass(frozen=True, slots=True)
class Bench:
    """What policies are judged with: slates, θ by position, number of recipients over all placements, and log-rates
    float64[n, V] of the reward model by name of model; the first is also the reward model of the doubly robust estimate."""

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
    rates = popularity(bench.slates, bench.theta, np.ones(len(bench.slates), dtype=bool))
    out = {LOGGED: _logged(bench), RANDOM: judge(bench, _random(bench))}
    if set(bench.default) & set(bench.slates.variants):
        out[DEFAULT] = judge(bench, _fixed(bench, "the default slate", first_then(bench.slates.variants, bench.default, rates)))
    for variant in bench.slates.variants:
        name = f"always {variant}" if bench.slates.positions == 1 else f"{variant} first"
        out[name] = judge(bench, _fixed(bench, name, first_then(bench.slates.variants, [variant], rates)))
    out[BEST] = judge(bench, _best_fixed(bench))
    return out | _modelled(bench)


def judge(bench: Bench, target: Target) -> Judged:
    """All estimates of one policy."""
    slates, recipients = bench.slates, bench.recipients
    by_position = item_position_weights(target, slates)
    prefix = robust = None
    if slates.prefix_known:
        by_prefix = prefix_weights(target, slates)
        prefix = Supported(self_normalised(by_prefix, slates, recipients), support(by_prefix, slates))
    if bench.log_rates:
        robust = doubly_robust(by_position, target, slates.at_item(bench.reward.rate) * bench.theta, slates, recipients)
    position = Supported(self_normalised(by_position, slates, recipients), support(by_position, slates))
    return Judged(target.name, position, prefix, robust)


def _logged(bench: Bench) -> Judged:
    value = on_policy(bench.slates, bench.recipients)
    found = Supported(value, support(bench.slates.filled.astype(np.float64), bench.slates))
    return Judged("what was logged", found, found, value if bench.log_rates else None)


def _random(bench: Bench) -> Target:
    return stochastic(RANDOM, bench.slates, np.zeros(bench.slates.candidate.shape), bench.reward)


def _fixed(bench: Bench, name: str, preference: Doubles) -> Target:
    everyone = np.broadcast_to(preference, bench.slates.candidate.shape)
    return deterministic(name, bench.slates, everyone, bench.reward)


def _best_fixed(bench: Bench) -> Target:
    """For each half of the recipients the ranking that is best on the other half: nothing is chosen on what it is judged by."""
    slates = bench.slates
    half = fold_of(slates)
    preference = np.empty(slates.candidate.shape)
    for rows in (half, ~half):
        preference[rows] = popularity(slates, bench.theta, ~rows)
    tops = sorted({slates.variants[int(preference[rows][0].argmax())] for rows in (half, ~half) if rows.any()})
    name = " or ".join(tops)
    name = f"always {name} (the best single variant)" if slates.positions == 1 else f"{name} first (the best fixed ranking)"
    return deterministic(name, slates, preference, bench.reward)


def fold_of(slates: Slates) -> npt.NDArray[np.bool_]:
    """Half of the recipients, by hash: bool[n]."""
    return np.asarray(uniforms(keys_of(slates.recipient_id), _FOLD_SALT) < 0.5)  # noqa: PLR2004 - a half


def _modelled(bench: Bench) -> dict[str, Judged]:
    """Each model followed strictly and at the campaign's temperature."""
    out: dict[str, Judged] = {}
    for model, log_rates in bench.log_rates.items():
        greedy = deterministic(f"the {model}", bench.slates, log_rates, bench.reward)
        name = f"the {model} at temperature {bench.temperature:g}"
        tempered = stochastic(name, bench.slates, log_rates / bench.temperature, bench.reward)
        out |= {model: judge(bench, greedy), f"{model} at temperature": judge(bench, tempered)}
    return out
