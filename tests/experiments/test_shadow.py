"""What a candidate did in the shadow, and what keeps it there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from experiments.shadow import (
    Beside,
    Limits,
    ShadowReport,
    ValueGap,
    agreement_of,
    diversity_of,
    rank_correlation,
    shares_of,
)

FINE = ShadowReport(
    sends=1,
    recipients=5_000,
    clicks=200,
    value=ValueGap("not distinguishable", "the two are not distinguishable", -0.01, 0.02),
    agreement={"w.hero": 0.7},
    correlation=Beside(0.1, 0.08),
    shares={},
    diversity=Beside(1.0, 1.05),
    microseconds=Beside(120.0, 100.0),
)


def shown(*rows: tuple[str, str, int, str, str]) -> pd.DataFrame:
    """Decisions: recipient, placement, position, variant, category."""
    columns = ["recipient_id", "placement", "position", "variant", "category"]
    return pd.DataFrame(rows, columns=columns).assign(send_id="s1")


def test_nothing_speaks_against_a_fine_one() -> None:
    """As good, correlated, mixed and quick enough."""
    assert FINE.objections(Limits()) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"value": ValueGap("worse", "the model earns less")}, "the model earns less"),
        ({"value": ValueGap("cannot tell", "too little data")}, "too little data"),
        ({"clicks": 12}, "12 people clicked"),
        ({"correlation": Beside(-0.02, 0.1)}, "do not go with"),
        ({"correlation": Beside(float("nan"), 0.1)}, "do not go with"),
        ({"diversity": Beside(0.8, 1.0)}, "mixes categories less"),
        ({"microseconds": Beside(400.0, 100.0)}, "4.0 times as long"),
    ],
)
def test_what_keeps_it_in_the_shadow_is_said(change: dict[str, object], said: str) -> None:
    """One reason at a time."""
    [reason] = replace(FINE, **change).objections(Limits())  # type: ignore[arg-type]
    assert said in reason


def test_latency_of_few_recipients_says_nothing() -> None:
    """A pass over history costs the same for ten recipients as for ten thousand."""
    assert replace(FINE, recipients=500, microseconds=Beside(900.0, 100.0)).objections(Limits()) == ()


def test_agreement_shares_and_mix() -> None:
    """Counted by hand: one of two heroes alike, the second position does not count for agreement."""
    one = shown(("a", "w.hero", 1, "x", "k"), ("a", "w.hero", 2, "y", "l"), ("b", "w.hero", 1, "x", "k"), ("b", "w.hero", 2, "z", "k"))
    other = shown(("a", "w.hero", 1, "x", "k"), ("a", "w.hero", 2, "z", "k"), ("b", "w.hero", 1, "y", "l"), ("b", "w.hero", 2, "z", "k"))
    assert agreement_of(one, other) == {"w.hero": 0.5}
    assert shares_of(one, other) == {"w.hero/x": Beside(0.5, 0.25), "w.hero/y": Beside(0.25, 0.25), "w.hero/z": Beside(0.25, 0.5)}
    assert diversity_of(one, other) == Beside(pytest.approx(np.log(2) / 2), pytest.approx(np.log(2) / 2))


def test_rank_correlation_is_spearmans_and_takes_places_apart() -> None:
    """Within one place it is scipy's; a level of clicks and scores that differs by position adds nothing to it."""
    rng = np.random.default_rng(3)
    score, chance = rng.random(4_000), rng.random(4_000)
    frame = pd.DataFrame({"placement": "w.hero", "position": 1, "score": score, "clicked": chance < score / 2})
    assert rank_correlation(frame, "score") == pytest.approx(spearmanr(score, frame["clicked"]).statistic, abs=1e-3)
    blind = pd.concat(
        [frame.assign(position=k, score=rng.random(4_000) + 5 * (k == 1), clicked=rng.random(4_000) < 0.5 / k) for k in (1, 2)]
    )
    assert abs(rank_correlation(blind, "score")) < 0.04
    assert np.isnan(rank_correlation(frame.assign(clicked=False), "score"))
