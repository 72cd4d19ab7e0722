"""Whether a new model may decide, as far as it stands beside the incumbent."""

from dataclasses import replace

import pytest

from domain.campaign import Goal
from ranking.evaluation.evaluate import Evaluation, PlacementValues
from ranking.evaluation.promotion import comparison_note, objections, primary_comparison
from ranking.model import RankingModel
from ranking.policies.estimators import Interval
from ranking.policies.judging import INCUMBENT, MODEL, tempered
from ranking.policies.slates import LeftOut
from ranking.policies.verdicts import Comparison, Verdict
from ranking.too_little import Shortfall, TooLittleData
from tests.ranking.world import NOW


def beside(verdict: Verdict, roles: tuple[str, str] = (tempered(MODEL), tempered(INCUMBENT))) -> Evaluation:
    """An evaluation with one comparison."""
    one = Comparison(roles, "the model", "the incumbent", Interval(-0.01, -0.02, 0.0), verdict, "The model earns less than the incumbent.")
    total = PlacementValues("all placements", 9, 9, (), (one,), None)
    return Evaluation(Goal.CLICK, "clicks", NOW, "b", "a", 9, LeftOut(0, 0, 0, 0), (), total, (), "")


def test_earning_less_than_the_incumbent_beyond_doubt_is_an_objection(model: RankingModel) -> None:
    """As both would be sent; the sentence of the evaluation is the reason."""
    assert objections(model.card, beside(Verdict.WORSE)) == ("The model earns less than the incumbent",)


@pytest.mark.parametrize("verdict", [Verdict.BETTER, Verdict.ALIKE, Verdict.CANNOT_TELL])
def test_nothing_short_of_that_is(model: RankingModel, verdict: Verdict) -> None:
    """ "Cannot tell" is no objection: a list too small to tell would never get a new model."""
    assert objections(model.card, beside(verdict)) == ()


def test_models_followed_strictly_are_not_what_is_sent(model: RankingModel) -> None:
    """Only the comparison of the policies counts."""
    strictly = beside(Verdict.WORSE, (MODEL, INCUMBENT))
    assert primary_comparison(strictly) is None and objections(model.card, strictly) == ()


def test_the_card_says_how_it_stands_beside_the_incumbent(model: RankingModel) -> None:
    """The sentence, or what was missing for one."""
    missing = TooLittleData("an evaluation", (Shortfall("unseen decisions with a known propensity", 3, 100),))
    assert comparison_note(beside(Verdict.WORSE)).endswith("The model earns less than the incumbent.")
    assert "3 unseen decisions" in comparison_note(missing)
    assert objections(replace(model.card), missing) == ()
