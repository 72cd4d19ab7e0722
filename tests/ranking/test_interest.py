"""What people do on the site, as shares of categories that fade."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ranking.features.compute import compute_features, fit_features, serving_spine
from ranking.features.interest import Interests, interest_shares, usual_interests
from ranking.features.knowledge import look_up
from ranking.features.spine import spine_of
from ranking.history import History, opened
from ranking.layout import Layout
from ranking.specification import FeatureSpec
from tests.ranking.small_histories import DAY, ByHand, Facts, facts, spines
from tests.ranking.world import ATTRIBUTES, CATEGORIES, NOW, VARIANTS, World

SPEC = FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS)


@given(facts(), spines())
@settings(max_examples=25, deadline=None)
def test_acts_are_those_counted_by_hand_worth_half_a_half_life_later(given_facts: Facts, spine: pd.DataFrame) -> None:
    """Views, searches, carts and purchases per category: received before as_of, within the window, by whole days of age."""
    with opened(given_facts.history()) as connection:
        found = look_up(connection, spine_of(spine), SPEC, CATEGORIES).interests.acts
    for row, (who, at) in enumerate(zip(spine["recipient_id"], spine["as_of"], strict=True)):
        hand = ByHand(given_facts, who, at.to_pydatetime())
        acts = [one for one in hand.human(SPEC.interest_window) if one["kind"] in {"page_viewed", "searched", "added_to_cart"}]
        acts += hand.bought(SPEC.interest_window)
        for k, category in enumerate(CATEGORIES):
            ages = [max(at.to_pydatetime() - one["occurred_at"], timedelta(0)) // DAY for one in acts if one.get("category") == category]
            assert found[row, k] == pytest.approx(sum(0.5 ** (age / 30) for age in ages), abs=len(ages) / 4_096)


def interests(*acts: list[float]) -> Interests:
    """Acts of today by row and category."""
    none = Interests.none(len(acts), len(acts[0]), timedelta(days=10), timedelta(days=5))
    return replace(none, faded=(np.array(acts) * 4_096).astype(np.int32))


def test_shares_are_drawn_towards_what_is_usual() -> None:
    """Whoever did nothing has the usual shares; one act moves them by a third; much outweighs them."""
    usual = usual_interests(interests([3, 1], [0, 0]))
    assert usual == (0.75, 0.25)
    found = interest_shares(interests([0, 0], [0, 1], [0, 998]), usual)
    assert found == pytest.approx(np.array([[0.75, 0.25], [0.5, 0.5], [0.0015, 0.9985]]), abs=1e-4)


def test_a_category_that_nobody_looks_at_is_unknown() -> None:
    """Such as that of a default variant: there is nothing on the site it stands for."""
    usual = usual_interests(interests([2, 0]))
    assert np.isnan(interest_shares(interests([1, 0]), usual)).tolist() == [[False, True]]
    assert usual_interests(interests([0, 0])) == (0.0, 0.0)


def test_the_feature_tells_what_people_like(world: World) -> None:
    """In the little world the category of most interest is nearly always the one they like."""
    spine = serving_spine(world.recipients, NOW)
    parameters = fit_features(world.history, spine, NOW, SPEC)
    features = compute_features(spine, world.history, parameters)
    at = [feature.name for feature in features.layout.cross].index("category_interest")
    most = np.array(features.layout.categories)[features.cross[:, :, at].argmax(axis=1)]
    assert (most == np.array(CATEGORIES)[world.likes]).mean() > 0.9


def test_models_from_before_it_get_the_features_they_were_trained_on(world: World) -> None:
    """The layout that is stored with a model decides, not today's list of features."""
    spine = serving_spine(world.recipients.head(5), NOW)
    parameters = fit_features(History(), spine, NOW, SPEC)
    layout = parameters.layout
    older = replace(parameters, layout=Layout(layout.recipient, layout.cross[:3], layout.variant, layout.categories), interests=())
    assert compute_features(spine, world.history, older).cross.shape == (5, len(layout.categories), 3)
