"""The temperature: chosen by held-out value, within what learning needs."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.policies import propensities, temperature
from ranking.policies.slates import Slates
from ranking.policies.temperature import GRID, Basis, Scored, Tempering, choose_temperature, effective_share

Doubles = npt.NDArray[np.float64]


def uniform_log(rates: Doubles, positions: int, seed: int) -> Slates:
    """Slates of a uniform logger where examination halves with every position; `rates` float64[n, V] are those at the first."""
    rng = np.random.default_rng(seed)
    n, variants = rates.shape
    item = rng.random((n, variants)).argsort(axis=1)[:, :positions]
    theta = 0.5 ** np.arange(positions)
    reward = (rng.random(item.shape) < theta * np.take_along_axis(rates, item, axis=1)).astype(float)
    return Slates(
        placement="p",
        variants=tuple(f"v{v}" for v in range(variants)),
        categories=("c",) * variants,
        recipient_id=np.array([f"r{r}" for r in range(n)], dtype=object),
        recipient=np.arange(n),
        decided_at=pd.Series([pd.Timestamp("2026-01-01", tz="UTC")] * n),
        item=item,
        reward=reward,
        propensity=np.full(item.shape, 1 / variants),
        prefix=np.cumprod(1 / (variants - np.arange(positions)))[None, :].repeat(n, axis=0),
        candidate=np.ones((n, variants), dtype=bool),
    )


def tastes(n: int, variants: int, seed: int) -> Doubles:
    """Rates at the first position: most variants leave most people cold."""
    return np.asarray(0.05 * np.exp(np.random.default_rng(seed).normal(0, 0.9, (n, variants)))).clip(0, 0.9)


def chosen(slates: Slates, log_rates: Doubles, *, explore: float = 0.05, effective_sample: float = 0.3) -> Tempering:
    part = Scored(slates, log_rates)
    return choose_temperature([part], recipients=len(slates), explore=explore, effective_sample=effective_sample)


@given(st.integers(0, 1_000), st.floats(0.01, 0.5), st.integers(1, 3))
@settings(deadline=None, max_examples=25)
def test_warmer_keeps_more(seed: int, explore: float, positions: int) -> None:
    """The effective share rises with the temperature, from at least the share of uniform rankings to at most all."""
    rates = tastes(40, 6, seed)
    part = Scored(uniform_log(rates, positions, seed), np.log(rates))
    shares = [effective_share([part], t, explore) for t in GRID]
    assert (np.diff(shares) >= -1e-6).all()
    assert explore * (1 - 1e-6) <= shares[0] <= shares[-1] <= 1


def test_the_share_is_what_is_left_of_a_log() -> None:
    """A log drawn by the policy has that share as effective sample, Kish's (Σw)² / Σw², when the uniform policy is judged by it."""
    rates = tastes(200, 6, 3).repeat(300, axis=0)
    part = Scored(uniform_log(rates, 2, 3), np.log(rates))
    weights = propensities.weights_of(np.log(rates) / 0.5, np.ones(rates.shape, dtype=bool))
    rng = np.random.default_rng(4)
    explored = rng.random(len(rates)) < 0.1
    item = propensities.draw(np.where(explored[:, None], 1.0, weights), rng.uniform(1e-12, 1, rates.shape), 2)
    weight = 1 / 6 / (0.9 * propensities.marginal_probabilities(weights, item) + 0.1 / 6)
    left = (weight.sum(axis=0) ** 2 / (weight**2).sum(axis=0)).min() / len(rates)
    assert effective_share([part], 0.5, 0.1) == pytest.approx(left, rel=0.05)


def test_strict_pays_where_tastes_differ_and_is_bounded_by_learning() -> None:
    """With much evidence the choice is cool, but every temperature that keeps less than was asked is passed over."""
    rates = tastes(60_000, 6, 1)
    slates = uniform_log(rates, 2, 1)
    loose, strict = chosen(slates, np.log(rates), effective_sample=0.6), chosen(slates, np.log(rates), effective_sample=0.05)
    assert loose.basis is strict.basis is Basis.VALUE
    assert strict.temperature < loose.temperature < max(GRID)
    for found in (loose, strict):
        share = {trial.temperature: trial.effective_sample for trial in found.trials}
        assert share[found.temperature] >= found.effective_sample
    values = [trial.value.value for trial in strict.trials if trial.value]
    assert values == sorted(values, reverse=True)


def test_what_cannot_be_told_apart_is_settled_by_the_warmer() -> None:
    """A model whose order means nothing, or one that scores all alike, gives the warmest temperature there is."""
    slates = uniform_log(np.full((20_000, 6), 0.1), 2, 2)
    noise = np.random.default_rng(0).normal(0, 0.5, (20_000, 6))
    assert chosen(slates, noise, effective_sample=0.05).temperature == max(GRID)
    alike = chosen(slates, np.zeros((20_000, 6)))
    assert alike.temperature == max(GRID)
    assert all(trial.effective_sample == pytest.approx(1) for trial in alike.trials)


@pytest.mark.parametrize("why", ["no propensities", "few slates"])
def test_without_evidence_the_coolest_that_keeps_the_sample(why: str) -> None:
    """Unknown propensities or too few slates: value has no say, the effective sample has, and the card says so."""
    rates = tastes(20_000 if why == "no propensities" else 300, 6, 5)
    slates = uniform_log(rates, 2, 5)
    if why == "no propensities":
        slates = replace(slates, propensity=np.full(slates.item.shape, np.nan))
    found = chosen(slates, np.log(rates))
    kept = [trial.temperature for trial in found.trials if trial.effective_sample >= 0.3]
    assert found.basis is Basis.SAMPLE
    assert found.temperature == min(kept)
    assert all(trial.value is None for trial in found.trials)
    assert "coolest that keeps 30%" in next(temperature.notes(found))


def test_where_none_keeps_the_sample_the_warmest() -> None:
    """Asked for all of the log, no policy but the uniform one will do; the note says so."""
    rates = tastes(2_000, 6, 6)
    found = chosen(uniform_log(rates, 2, 6), np.log(rates), effective_sample=1.0)
    assert (found.basis, found.temperature) == (Basis.NEITHER, max(GRID))
    assert "No temperature up to 2 keeps 100%" in next(temperature.notes(found))


def test_the_scarcest_placement_sets_the_bound() -> None:
    """Over several placements the effective sample is that of the one where least remains, and values add up."""
    sharp, flat = tastes(5_000, 6, 7), np.full((5_000, 3), 0.1)
    parts = [Scored(uniform_log(sharp, 2, 7), np.log(sharp)), Scored(uniform_log(flat, 1, 8), np.log(flat))]
    found = choose_temperature(parts, recipients=5_000, explore=0.05, effective_sample=0.3)
    alone = [choose_temperature([part], recipients=5_000, explore=0.05, effective_sample=0.3) for part in parts]
    for at, trial in enumerate(found.trials):
        assert trial.effective_sample == min(one.trials[at].effective_sample for one in alone)
        assert trial.value is not None
        assert trial.value.value == pytest.approx(sum(one.trials[at].value.value for one in alone))  # type: ignore[union-attr]
    assert not list(temperature.notes(found))


def test_a_large_log_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values are those of the whole log as far as chance allows, and placements keep their share of a letter."""
    rates, few = tastes(30_000, 6, 9), tastes(30_000, 6, 10)[:15_000]
    parts = [Scored(uniform_log(rates, 2, 9), np.log(rates)), Scored(uniform_log(few, 1, 10), np.log(few))]
    whole = choose_temperature(parts, recipients=30_000, explore=0.05, effective_sample=0.3)
    monkeypatch.setattr(temperature, "_DECISIONS", 12_000)
    part = choose_temperature(parts, recipients=30_000, explore=0.05, effective_sample=0.3)
    for one, other in zip(part.trials, whole.trials, strict=True):
        assert one.value is not None and other.value is not None
        half = one.value.high - one.value.value
        assert one.value.value == pytest.approx(other.value.value, abs=1.5 * half)
        assert half > 1.5 * (other.value.high - other.value.value)


def test_nothing_to_choose_from_needs_no_strictness() -> None:
    """Without any slate with two variants the effective sample is whole, and the coolest does."""
    found = choose_temperature([], recipients=0, explore=0.05, effective_sample=0.3)
    assert (found.basis, found.temperature) == (Basis.SAMPLE, min(GRID))
