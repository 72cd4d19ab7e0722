"""Deciding again within a session: whom it is worth it for, and what stays as it was refreshed."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from domain.campaign import Campaign, Placement, Policy
from domain.content import Block, Content, Frame, Variant
from domain.decision import Arm
from domain.event import EventKind
from domain.ids import CampaignId, ContentVersion, PlacementId, RecipientId, SendId, VariantId, decision_id_of
from domain.send import Send
from domain.signal import Act, SessionRule
from ranking.deciding.redeciding import Decider, Visitors, is_worth_it, redecide
from ranking.features.compute import compute_features, serving_spine
from ranking.features.searches import NO_WORDS
from ranking.features.sessions import Sessions, facts_of, rows_at, sessions_of
from ranking.model import RankingModel
from tests.ranking.world import CATEGORIES, HERO, NOW, VARIANTS, World

PLACEMENT = PlacementId(HERO)
SESSION = SendId("web-1+7")
LATER = NOW + timedelta(minutes=3)


def content() -> Content:
    """The hero's variants of the little world."""
    own = [one for one in VARIANTS if one.placement == HERO]
    made = [Variant(VariantId(v.variant), PLACEMENT, v.variant, v.category, n == 0, Block("<p></p>", "", False)) for n, v in enumerate(own)]
    policy = Policy(temperature=0.1, explore=0.05)
    campaign = Campaign(CampaignId("weekly"), "", None, "", "true", (Placement(PLACEMENT, "hero"),), policy=policy)
    return Content(ContentVersion("v1"), campaign, Frame(("",), ("",), ()), tuple(made), ())


@pytest.fixture(scope="module")
def decider(model: RankingModel) -> Decider:
    """The little world's model, for a refresh of NOW."""
    send = Send(SendId("web-1"), CampaignId("weekly"), NOW, NOW, ContentVersion("v1"), model.model_version, 1, "", "", "")
    return Decider(send, content(), model, {}, {PLACEMENT: np.ones(8, bool)})


@pytest.fixture(scope="module")
def visitors(world: World, model: RankingModel) -> Visitors:
    """Sixty recipients, every sixth of the holdout, every seventh exploring."""
    features = compute_features(serving_spine(world.recipients.head(60), NOW), world.history, model.parameters)
    arms = [Arm.HOLDOUT if n % 6 == 0 else Arm.EXPLORE if n % 7 == 0 else Arm.INCUMBENT for n in range(60)]
    eligible = np.ones((60, 8), bool)
    eligible[:, 1] = False
    return Visitors(features, np.array([arm.value for arm in arms], dtype=object), {PLACEMENT: eligible})


def quiet(n: int) -> Sessions:
    """Sessions of people who did nothing."""
    return sessions_of(facts_of([()] * n, NO_WORDS, CATEGORIES), rows_at([NOW] * n), SessionRule(), len(CATEGORIES))


def test_the_holdout_is_left_alone_and_arms_stay(decider: Decider, visitors: Visitors) -> None:
    """Everybody else has one decision per position, in their own arm, as of their own instant, with a chance."""
    moments = [LATER + timedelta(seconds=n) for n in range(60)]
    found = redecide(decider, visitors, quiet(60), SESSION, moments)
    drawn = [n for n in range(60) if n % 6]
    ids = visitors.features.recipient_id
    assert found["recipient_id"].tolist() == [ids[n] for n in drawn]
    assert found["arm"].tolist() == [visitors.arm[n] for n in drawn]
    assert found["decided_at"].tolist() == [moments[n] for n in drawn] == found["received_at"].tolist()
    assert found["decision_id"].tolist() == [decision_id_of(SESSION, RecipientId(ids[n]), PLACEMENT, 1) for n in drawn]
    assert found["propensity"].between(0, 1, inclusive="right").all() and found["score"].notna().all()
    assert set(found["send_id"]) == {SESSION}


def test_nobody_is_shown_what_they_may_not(decider: Decider, visitors: Visitors) -> None:
    """Neither what the refresh left out for them nor what is not shown any more."""
    gone = replace(decider, live={PLACEMENT: np.arange(8) != 2})
    names = [one.variant for one in VARIANTS if one.placement == HERO]
    for number in range(20):
        found = redecide(gone, visitors, quiet(60), SendId(f"web-1+{number}"), [LATER] * 60)
        assert not {names[1], names[2]} & set(found["variant"])
        assert set(found["candidates"]) == {6}


def test_a_round_of_the_holdout_alone_decides_nothing(decider: Decider, visitors: Visitors) -> None:
    """And is no error."""
    assert redecide(decider, visitors.take(np.array([0, 6])), quiet(2), SESSION, [LATER] * 2).empty


def test_it_is_worth_it_for_news_alone() -> None:
    """For who says what they want, who has just come, and whose interest has moved by more than the threshold."""
    moment = NOW - timedelta(minutes=1)
    acts = [Act(f"e{n}", EventKind.PAGE_VIEWED, moment, moment, category) for n, category in enumerate(("hats", "hats", "coats", "socks"))]
    three_quarters = [act for act in acts if act.category != "coats"]
    sessions = sessions_of(
        facts_of([[acts[0]], [acts[0]], three_quarters, []], NO_WORDS, CATEGORIES), rows_at([NOW] * 4), SessionRule(), len(CATEGORIES)
    )
    hats = np.array([category == "hats" for category in CATEGORIES], dtype=np.float32)
    told = np.stack([hats, np.full(4, np.nan, np.float32), hats, np.zeros(4, np.float32)])
    loud = np.array([False, False, False, True])
    assert is_worth_it(sessions, told, loud, 0.25).tolist() == [False, True, True, True]
    assert is_worth_it(sessions, told, loud, 0.4).tolist() == [False, True, False, True]
