"""Choosing between debiased and naive training, on logs whose truth is known; and for each goal a campaign can have."""

from dataclasses import replace

import numpy as np
import pytest

from domain.campaign import Goal
from ranking.debiasing import PositionTraining, Source
from ranking.evaluation.evaluate import Evaluation, EvaluationRequest, evaluate
from ranking.model import RankingModel
from ranking.specification import FeatureSpec, TrainingSpec
from ranking.training.choosing import Workshop, fit_best, harvest_from
from ranking.training.preparation import Prepared, TrainingRequest, prepare
from ranking.training.train import train
from simulator.click_logs import ClickLog, Logger, LogShape, draw_log

SHAPE = LogShape(Logger.WRONG, recipients=1_500, weeks=6, positions=5, candidates=5, pool=10, insight=0.0)


def request(log: ClickLog, goal: Goal = Goal.CLICK) -> TrainingRequest:
    return TrainingRequest(log.shape.until, FeatureSpec(log.attributes, log.variants), TrainingSpec(goal=goal, trees=60))


def workshop(log: ClickLog) -> Workshop:
    prepared = prepare(log.history, log.recipients, request(log))
    assert isinstance(prepared, Prepared)
    return prepared.workshop


@pytest.fixture(scope="module")
def wrong() -> Workshop:
    return workshop(draw_log(SHAPE, 1))


def test_both_are_trained_and_the_lower_deviance_wins(wrong: Workshop) -> None:
    """Where the past policy was wrong, held-out decisions choose the forest that took position out, and it is the better one."""
    chosen = fit_best(wrong)
    assert set(chosen.forests) == set(chosen.deviances) == set(PositionTraining)
    assert chosen.training is PositionTraining.OFFSET
    assert chosen.forest is chosen.forests[PositionTraining.OFFSET]
    assert chosen.deviances[PositionTraining.OFFSET] < chosen.deviances[PositionTraining.NAIVE]


def test_examination_is_found_again(wrong: Workshop) -> None:
    """With logged propensities θ is within 10 % root mean square of the truth, and its limits hold it."""
    found = harvest_from(wrong, 5)
    assert found.source is Source.HARVESTED
    error = np.asarray(found.theta) / np.asarray(SHAPE.theta) - 1
    assert np.sqrt((error**2).mean()) < 0.1


def test_the_holdout_teaches_nothing_of_examination(wrong: Workshop) -> None:
    """Decisions of the holdout, whose slate was certain, are left out of θ whatever came of them."""
    rows = wrong.rows
    held = rows["recipient_id"].isin(rows["recipient_id"].unique()[::7])
    marked = rows.assign(arm=rows["arm"].mask(held, "holdout"))
    spoilt = marked.assign(answered=marked["answered"] | held)
    one, other = (harvest_from(replace(wrong, rows=r), 5) for r in (marked, spoilt))
    assert other.theta == pytest.approx(one.theta, rel=0.1)


@pytest.mark.parametrize("goal", list(Goal))
def test_every_goal_can_be_trained_for_and_judged(goal: Goal) -> None:
    """Clicks, conversions and revenue: θ is found from whatever came of decisions, both ways are compared, the order beats chance,
    a temperature is chosen, and the model can be evaluated for the goal."""
    log = draw_log(replace(SHAPE, recipients=3_000, base=-1.0), 3)
    model = train(log.history, log.recipients, request(log, goal))
    assert isinstance(model, RankingModel)
    card = model.card
    assert card.goal is goal
    assert card.examination.theta == pytest.approx(log.shape.theta, rel=0.25)
    assert set(card.position_deviances) == set(PositionTraining)
    assert card.metrics.ndcg is not None and card.metrics.ndcg_at_random is not None
    assert card.metrics.ndcg > card.metrics.ndcg_at_random
    assert card.temperature is not None
    found = evaluate(log.history, log.recipients, model, EvaluationRequest(log.shape.until, goal, temperature=card.temperature))
    assert isinstance(found, Evaluation)
    assert found.total.slates == len(card.placements) * card.held_out.rows / log.shape.positions


def test_theta_is_the_same_for_every_goal() -> None:
    """Looking is looking: the goal changes what is ranked by, not where people look."""
    log = draw_log(replace(SHAPE, recipients=1_000), 4)
    thetas = []
    for goal in Goal:
        prepared = prepare(log.history, log.recipients, request(log, goal))
        assert isinstance(prepared, Prepared)
        thetas.append(harvest_from(prepared.workshop, 5).theta)
    assert thetas[0] == thetas[1] == thetas[2]


def test_a_log_without_propensities_is_trained_on_and_says_so() -> None:
    """There is a model, with a warning on its card, no value by temperature, and a choice between both ways all the same."""
    log = draw_log(replace(SHAPE, propensities_known=False), 5)
    model = train(log.history, log.recipients, request(log))
    assert isinstance(model, RankingModel)
    assert any("Propensities are not on record" in note for note in model.card.notes)
    assert model.card.tempering is not None
    assert all(trial.value is None for trial in model.card.tempering.trials)
    assert set(model.card.position_deviances) == set(PositionTraining)
    assert model.card.metrics.ndcg is not None
