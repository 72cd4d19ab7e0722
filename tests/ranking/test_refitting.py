"""What decides is fitted on all decisions; what is said of it was measured on a twin that has not seen the held-out ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from domain.campaign import Goal
from ranking.evaluation.contenders import Contender, informed
from ranking.features.compute import compute_features, serving_spine
from ranking.labels import labelled_decisions
from ranking.model import RankingModel
from ranking.policies.judging import MODEL
from ranking.policies.slates import slates_of, usable
from ranking.scoring.scorer import score
from ranking.training.train import TrainingRequest, train
from tests.ranking.world import HERO, NOW, VARIANTS, World


def test_a_model_remembers_the_twin_that_was_judged(model: RankingModel) -> None:
    """Both are in its files; the card says which is which, and the twin has no twin."""
    assert model.witness is not None and model.witness.forest != model.forest
    again = RankingModel.from_files(model.to_files())
    assert again.witness == model.witness
    assert again.as_judged.forest == model.witness.forest and again.as_judged.as_judged == again.as_judged
    assert any("its twin" in note for note in model.card.notes)


def test_models_of_recipients_held_out_are_not_refitted(world: World, request_: TrainingRequest) -> None:
    """And neither is one that nobody wants refitted: it is its own witness."""
    request = replace(request_, training=replace(request_.training, refit=False, trees=10))
    found = train(world.history, world.recipients, request)
    assert isinstance(found, RankingModel)
    assert found.witness is None and found.as_judged is found


def test_evaluation_asks_the_twin_about_what_was_held_out(world: World, model: RankingModel) -> None:
    """Of decisions before the model was trained the twin speaks, of later ones the model itself."""
    rows = labelled_decisions(world.history, Goal.CLICK, NOW)
    rows, _ = usable(rows, np.zeros(len(rows), dtype=bool))
    rows = rows[rows["placement"] == HERO].head(200).reset_index(drop=True)
    slates = slates_of(rows, HERO, pd.Index(rows["recipient_id"].unique()))
    facts = [v for v in VARIANTS if v.placement == HERO]
    for until, speaks in ((NOW, model.as_judged), (rows["decided_at"].min().to_pydatetime(), model)):
        split = replace(model.card.split, until=until)
        contender = Contender(MODEL, replace(model, card=replace(model.card, split=split)))
        known = informed(contender, rows, world.recipients, world.history, threads=1)
        who, at = slates.recipient_id[0], slates.decided_at.iloc[0]
        own = (known.spine["recipient_id"] == who) & (known.spine["as_of"] == at)
        day, first = at.normalize().to_pydatetime(), known.features.take(np.flatnonzero(own))
        assert known.log_rates(slates)[0] == pytest.approx(score(speaks, first, facts, day)[0])


def test_the_refitted_forest_knows_tastes_as_well(world: World, model: RankingModel) -> None:
    """Its rates are as near to the truth as the twin's."""
    features = compute_features(serving_spine(world.recipients, NOW), world.history, model.parameters)
    heroes = [v for v in VARIANTS if v.placement == HERO]
    rates, truth = [np.exp(score(one, features, heroes, NOW)).ravel() for one in (model, model.as_judged)], world.rates(HERO).ravel()
    near = [np.corrcoef(found, truth)[0, 1] for found in rates]
    assert near[0] > near[1] - 0.02
