"""How a winner came to be: what the model saw, what chance did, and what was no choice at all."""

from dataclasses import replace

import numpy as np
import pytest

from domain.decision import Arm
from letterpress.choices import Candidate, Choice, Circumstances, Served, choices_of
from ranking.features.compute import compute_features, serving_spine
from ranking.model import RankingModel
from ranking.scoring.scorer import score
from ranking.specification import FeatureSpec, TrainingSpec, facts_of
from ranking.training.train import TrainingRequest, train
from tests.ranking.test_decide import content
from tests.ranking.world import ATTRIBUTES, HERO, NOW, STORIES, VARIANTS, make_world

CONTENT = content()


def candidates(scores: list[float | None], winner: int, *, placement: str = HERO, propensity: float | None = 0.31) -> list[Candidate]:
    """The variants of a placement with these scores, one of them at position 1."""
    names = [variant.variant for variant in VARIANTS if variant.placement == placement][: len(scores)]
    return [
        Candidate(placement, name, scored, None, 1 if at == winner else None, propensity if at == winner else None, None)
        for at, (name, scored) in enumerate(zip(names, scores, strict=True))
    ]


def chosen(found: list[Candidate], arm: Arm | None = Arm.INCUMBENT, served: Served | None = None) -> Choice:
    """The one choice made among these."""
    [choice] = choices_of(found, Circumstances(CONTENT, NOW, arm, served))
    return choice


def test_chance_is_called_chance() -> None:
    """A winner that scored lower was drawn: the sentence names the one that scored higher, and the winner's chance."""
    assert chosen(candidates([0.2, 0.5, 0.3], winner=0)).how == "drawn by chance although boots-2 scored higher (chance 31.0%)"
    assert chosen(candidates([0.2, 0.5, 0.3], winner=1)).how == "scored highest of 3 candidates (chance 31.0%)"


def test_the_model_is_not_given_credit_for_what_it_did_not_decide() -> None:
    """Holdout, exploration, no model, nothing to choose from: said as it is, even where there are scores."""
    scored = candidates([0.5, 0.2, 0.3], winner=0)
    assert "holdout" in chosen(scored, Arm.HOLDOUT).how
    assert "explore" in chosen(scored, Arm.EXPLORE).how and "31.0%" in chosen(scored, Arm.EXPLORE).how
    unscored = chosen(candidates([None, None, None], winner=2))
    assert "without a model all 3 candidates were equally likely" in unscored.how
    assert (unscored.runner_up, unscored.log_rate_difference, unscored.reasons) == (None, None, ())
    assert chosen(candidates([0.5], winner=0)).how == "the only candidate"


def test_who_is_excluded_is_no_runner_up() -> None:
    """A higher score that was no candidate beats nobody; a winner that was none itself filled a gap."""
    found = candidates([0.2, 0.5, 0.3], winner=2)
    found[1] = replace(found[1], excluded="where: tier = 'gold'")
    assert chosen(found).how.startswith("scored highest of 2 candidates")
    found[2] = replace(found[2], excluded="not live at the time")
    assert chosen(found).how == "the default: no candidate was left"


def test_each_placement_has_its_choice() -> None:
    """One choice per placement that has a winner, in their order; a placement left empty has none."""
    both = candidates([0.2, 0.1], winner=0) + candidates([0.1, 0.3], winner=1, placement=STORIES)
    assert [choice.placement for choice in choices_of(both, Circumstances(CONTENT, NOW, None, None))] == [HERO, STORIES]
    assert not list(choices_of([replace(one, position=None) for one in both], Circumstances(CONTENT, NOW, None, None)))


@pytest.fixture(scope="module")
def served() -> Served:
    """A model of a small world, and one of its recipients."""
    world = make_world(recipients=800, sends=5, seed=2)
    request = TrainingRequest(NOW, FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS), TrainingSpec(trees=20))
    model = train(world.history, world.recipients, request)
    assert isinstance(model, RankingModel)
    return Served(model, compute_features(serving_spine(world.recipients.head(1), NOW), world.history, model.parameters))


def test_reasons_add_up_to_what_sets_winner_and_runner_up_apart(served: Served) -> None:
    """The effects of all reasons sum to the difference of the two log-rates, whether the winner scored higher or was drawn."""
    heroes = [facts_of(variant) for variant in CONTENT.of(CONTENT.campaign.placements[0].placement)]
    log_rates = score(served.model, served.features, heroes, NOW)[0].astype(np.float64)
    best, second, *_ = np.argsort(-log_rates)
    for winner, other in ((best, second), (second, best)):
        choice = chosen(candidates(np.exp(log_rates).tolist(), int(winner)), served=served)
        assert choice.runner_up == heroes[other].variant
        assert choice.log_rate_difference == pytest.approx(log_rates[winner] - log_rates[other], abs=1e-6)
        assert sum(reason.contribution.effect for reason in choice.reasons) == pytest.approx(choice.log_rate_difference, abs=1e-9)
        assert all(reason.words and reason.change for reason in choice.reasons)
