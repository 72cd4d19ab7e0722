"""What may be said of policies: trust, comparison, choice."""

import numpy as np
import pytest

from ranking.policies.estimators import Estimate, Support
from ranking.policies.verdicts import Judged, Supported, Verdict, choose_by, compare, totalled, with_trust

ENOUGH, FEW = Support(5_000, 3, 500), Support(40, 90, 12)
RNG = np.random.default_rng(0)
NOISE = RNG.normal(size=2_000) * 1e-3  # standard error about 0.045


def supported(value: float, support: Support = ENOUGH, influence: np.ndarray = NOISE) -> Supported:
    return Supported(Estimate(value, influence), support)


def judged(name: str, value: float, prefix: Supported | None = None, support: Support = ENOUGH) -> Judged:
    return Judged(name, supported(value, support, RNG.normal(size=2_000) * 1e-3), prefix, None)


@pytest.mark.parametrize(("ours", "verdict"), [(0.9, Verdict.BETTER), (0.1, Verdict.WORSE), (0.51, Verdict.ALIKE)])
def test_a_verdict_follows_the_interval_of_the_difference(ours: float, verdict: Verdict) -> None:
    """Better or worse if the interval excludes 0, else not distinguishable; the sentence has both names and the figures."""
    found = compare({"model": judged("the model", ours), "best": judged("always a", 0.5)}, ("model", "best"))
    assert (found.verdict, found.roles) == (verdict, ("model", "best"))
    assert found.sentence.startswith("The model ")
    assert "always a (difference " in found.sentence


def test_without_support_on_either_side_nothing_is_said() -> None:
    """However large the difference: cannot tell, with the reasons."""
    found = compare({"a": judged("a", 0.9), "b": judged("b", 0.1, support=FEW)}, ("a", "b"))
    assert found.verdict is Verdict.CANNOT_TELL
    assert "effective sample of 40 is under 1,000; 12 matched outcomes are under 30" in found.sentence


def test_estimators_disagree_by_their_paired_difference() -> None:
    """Both intervals overlap by far, but they are of the same slates: what remains of their difference is no chance."""
    position = supported(0.50)
    close = Supported(Estimate(0.52, NOISE + RNG.normal(size=2_000) * 1e-5), ENOUGH)
    one = Judged("a", position, close, None)
    assert close.estimate.interval.low < position.estimate.interval.high
    assert one.disagree
    assert not Judged("a", position, Supported(close.estimate, FEW), None).disagree


def test_one_policy_that_shows_a_cascade_speaks_for_all() -> None:
    """How readers read is a matter of the log: where weights disagree for one policy, all are judged by prefix."""
    shows = Judged("a", supported(0.5), Supported(Estimate(0.6, NOISE), ENOUGH), None)
    silent = Judged("b", supported(0.5), supported(0.4, FEW), None)
    found = with_trust({"a": shows, "b": silent})
    assert found["a"].trusted is shows.prefix
    assert found["b"].trusted is silent.prefix
    said = compare(found, ("a", "b"))
    assert said.verdict is Verdict.CANNOT_TELL
    assert said.sentence.endswith("clicks depend on what stands above.")
    assert with_trust({"b": silent})["b"].trusted is silent.item_position


def test_a_total_is_judged_by_prefix_if_a_part_is() -> None:
    """Prefix weights are right for every placement, item-position weights only where nothing depends on what stands above."""
    prefix = supported(0.4)
    total = totalled(
        "a", [(1.0, Judged("a", supported(0.5), prefix, None, by_prefix=True)), (1.0, Judged("a", supported(0.2), prefix, None))]
    )
    assert total.by_prefix
    assert total.trusted.estimate.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("ours", "support", "role", "said"),
    [
        (0.9, ENOUGH, "model", "it earns more than always a"),
        (0.51, ENOUGH, "always a", "has not been shown to earn more"),
        (0.1, ENOUGH, "always a", "earns less"),
        (0.9, FEW, None, "neither for the model nor for always a"),
    ],
)
def test_a_model_is_chosen_only_where_it_is_shown_to_earn_more(ours: float, support: Support, role: str | None, said: str) -> None:
    """A simpler policy that earns as much is the better one; without support nothing is chosen."""
    found = choose_by(
        compare({"model": judged("the model", ours, support=support), "best": judged("best", 0.5)}, ("model", "best")), "always a"
    )
    assert found.role == role
    assert said in found.sentence
