"""The running session: the same whether it is computed from history or from what a profile remembers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import EventKind
from domain.signal import KINDS, Act, SessionRule
from ranking.features.compute import compute_features, fit_features
from ranking.features.parameters import FeatureParameters
from ranking.features.point_in_time import tell_recipients
from ranking.features.searches import SearchWords
from ranking.features.session_facts import session_facts
from ranking.features.sessions import CROSS, RECIPIENT, Sessions, facts_of, rows_at, sessions_of, with_sessions
from ranking.features.spine import spine_of
from ranking.history import EVENTS, History, opened
from ranking.layout import Layout
from ranking.specification import FeatureSpec
from tests.ranking.world import ATTRIBUTES, CATEGORIES, NOW, VARIANTS, World

AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
WORDS = SearchWords({"boot": {"boots": 1.0}, "hat": {"hats": 0.8, "socks": 0.2}, "thing": {"hats": 0.4, "socks": 0.3, "coats": 0.3}})
RULE, USUAL = SessionRule(most=4), SessionRule()
WHO = ("ann", "ben")


def act(kind: EventKind, minutes_ago: float, category: str | None = None, query: str | None = None, *, name: str = "e") -> Act:
    """An act of so many minutes before AT, received at once."""
    at = AT - timedelta(minutes=minutes_ago)
    return Act(f"{name}{minutes_ago}", kind, at, at, category, query)


def of(*acts: Act, rule: SessionRule = USUAL) -> Sessions:
    """The session of one recipient as of AT."""
    return sessions_of(facts_of([acts], WORDS, CATEGORIES), rows_at([AT]), rule, len(CATEGORIES))


def by_category(found: Sessions, name: str) -> dict[str, float]:
    """What is not 0."""
    return {category: round(float(value), 4) for category, value in zip(CATEGORIES, found.cross(name)[0], strict=True) if value}


def test_an_act_says_half_as_much_a_half_life_later() -> None:
    """Shares of categories in the session, the latest acts counting most; scrolling is about nothing."""
    found = of(act(EventKind.PAGE_VIEWED, 10, "hats"), act(EventKind.PAGE_VIEWED, 0.5, "boots"), act(EventKind.SCROLLED, 0.2, "socks"))
    worth = 0.5**0.05
    assert by_category(found, "session_interest") == pytest.approx({"boots": worth / (worth + 0.5), "hats": 0.5 / (worth + 0.5)}, abs=1e-3)
    assert found.recipient("session_acts").tolist() == [3.0]
    assert found.recipient("session_idle_minutes").tolist() == pytest.approx([0.2])


def test_the_last_search_counts() -> None:
    """By the category it names, or by its words; one whose words say nothing is about nothing."""
    assert by_category(of(act(EventKind.SEARCHED, 3, query="Boots"), act(EventKind.SEARCHED, 2, query="red HATS")), CROSS[1]) == {
        "hats": 1.0
    }
    assert by_category(of(act(EventKind.SEARCHED, 2, "coats", "boots")), CROSS[1]) == {"coats": 1.0}
    assert by_category(of(act(EventKind.SEARCHED, 3, query="boots"), act(EventKind.SEARCHED, 2, query="things")), CROSS[1]) == {}


def test_the_cart_is_what_is_in_it() -> None:
    """Put in and not taken out; a purchase empties it; the wishlist counts as well."""
    put, out = EventKind.ADDED_TO_CART, EventKind.REMOVED_FROM_CART
    assert by_category(of(act(put, 5, "hats"), act(put, 4, "boots"), act(out, 3, "boots")), CROSS[2]) == {"hats": 1.0}
    assert by_category(of(act(put, 5, "hats"), act(put, 4, "hats"), act(out, 3, "hats")), CROSS[2]) == {"hats": 1.0}
    bought = of(act(put, 5, "hats"), act(EventKind.PURCHASED, 3), act(EventKind.ADDED_TO_WISHLIST, 1, "socks"))
    assert by_category(bought, CROSS[2]) == {"socks": 1.0}


def test_a_session_ends_after_half_an_hour_without_an_act() -> None:
    """What was before a pause is of another session, and so is everything once the pause is now."""
    assert of(act(EventKind.PAGE_VIEWED, 31, "hats")).recipient("session_acts").tolist() == [0.0]
    assert np.isnan(of(act(EventKind.PAGE_VIEWED, 31, "hats")).recipient("session_idle_minutes")).all()
    assert of(*(act(EventKind.PAGE_VIEWED, minutes, "hats") for minutes in (60, 30))).recipient("session_acts").tolist() == [2.0]
    apart = of(act(EventKind.PAGE_VIEWED, 50, "hats"), act(EventKind.PAGE_VIEWED, 1, "boots"))
    assert by_category(apart, "session_interest") == {"boots": 1.0}
    chained = of(*(act(EventKind.PAGE_VIEWED, minutes, "hats") for minutes in (50, 25, 1)))
    assert chained.recipient("session_acts").tolist() == [3.0]


def test_a_session_does_not_go_back_for_ever() -> None:
    """Acts of the last four hours count, and of those the last so many."""
    visits = [act(EventKind.PAGE_VIEWED, minutes, "hats") for minutes in range(1, 300, 5)]
    assert of(*visits).recipient("session_acts").tolist() == [48.0]
    assert of(*visits, rule=SessionRule(most=10)).recipient("session_acts").tolist() == [10.0]


# Tens of minutes, so that acts often fall on the very instant of a row, and on the edge of a session.
moments = st.one_of(st.integers(0, 6).map(lambda tens: tens * 10), st.integers(0, 400)).map(lambda minutes: AT - timedelta(minutes=minutes))
delays = st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=30), timedelta(minutes=40)])


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of two people, some told of late, some at one instant."""
    rows = []
    for number in range(draw(st.integers(0, 14))):
        at = draw(moments)
        query = draw(st.sampled_from(["boots", "hats", "no idea", None]))
        rows.append(
            {
                "event_id": f"e{draw(st.integers(0, 9))}-{number}",
                "recipient_id": draw(st.sampled_from(WHO)),
                "kind": draw(st.sampled_from([*KINDS, EventKind.OPENED])).value,
                "category": draw(st.sampled_from([*CATEGORIES, "unheard of", None])),
                "occurred_at": at,
                "received_at": at + draw(delays),
                "source": "shop",
                "properties": f'{{"query": "{query}"}}' if query else "{}",
            }
        )
    return rows


@given(histories(), st.lists(st.tuples(st.sampled_from([*WHO, "nobody"]), moments), min_size=1, max_size=6))
@settings(max_examples=150)
def test_history_and_profile_say_the_same(rows: list[dict[str, Any]], spine: list[tuple[str, datetime]]) -> None:
    """For every row of a spine, to the bit: what history says of its session is what a profile says that remembers what came before."""
    frame = pd.DataFrame({"recipient_id": [who for who, _ in spine], "as_of": pd.to_datetime([at for _, at in spine], utc=True)})
    whole = from_history(rows, frame)
    for place, (who, at) in enumerate(spine):
        acts = [remembered(row) for row in rows if row["recipient_id"] == who and row["received_at"] < at and row["kind"] != "opened"]
        alone = sessions_of(facts_of([acts], WORDS, CATEGORIES), rows_at([at]), RULE, len(CATEGORIES))
        for name in CROSS:
            np.testing.assert_array_equal(whole.cross(name)[place], alone.cross(name)[0])
        for name in RECIPIENT:
            np.testing.assert_array_equal(whole.recipient(name)[place], alone.recipient(name)[0])


def test_a_long_session_is_the_same_by_history() -> None:
    """Acts of up to four hours ago are looked for in the lake."""
    acts = [act(EventKind.PAGE_VIEWED, minutes, "hats") for minutes in range(5, 300, 10)]
    common = {"recipient_id": "ann", "source": "shop", "properties": "{}", "category": "hats", "kind": "page_viewed"}
    rows = [common | {"event_id": one.event_id, "occurred_at": one.occurred_at, "received_at": one.received_at} for one in acts]
    found = from_history(rows, pd.DataFrame({"recipient_id": ["ann"], "as_of": pd.to_datetime([AT], utc=True)}), USUAL)
    assert found.recipient("session_acts").tolist() == of(*acts).recipient("session_acts").tolist() == [24.0]


def from_history(rows: Sequence[dict[str, Any]], frame: pd.DataFrame, rule: SessionRule = RULE) -> Sessions:
    """The sessions of a spine, by the lake."""
    spine = spine_of(frame)
    with opened(History(events=pa.Table.from_pylist(list(rows), schema=EVENTS))) as connection:
        tell_recipients(connection, spine)
        facts = session_facts(connection, spine, rule, WORDS, CATEGORIES)
    return sessions_of(facts, spine.rows, rule, len(CATEGORIES))


def remembered(row: dict[str, Any]) -> Act:
    """What a profile remembers of an event."""
    query = row["properties"].partition(': "')[2].rstrip('"}') if row["kind"] == "searched" else ""
    return Act(row["event_id"], EventKind(row["kind"]), row["occurred_at"], row["received_at"], row["category"], query or None)


@pytest.fixture(scope="module")
def parameters(world: World) -> FeatureParameters:
    """Fitted on the little world."""
    return fit_features(
        world.history, world.recipients.assign(as_of=pd.Timestamp(NOW)), NOW, FeatureSpec(attributes=ATTRIBUTES, variants=VARIANTS)
    )


def searching(who: str, at: datetime, query: str) -> pa.Table:
    """A search in the lake."""
    row = {"event_id": f"s-{who}", "kind": "searched", "recipient_id": who, "occurred_at": at, "received_at": at, "source": "shop"}
    return pa.Table.from_pylist([row | {"properties": f'{{"query": "{query}"}}'}], schema=EVENTS)


def test_features_know_the_session(world: World, parameters: FeatureParameters) -> None:
    """A search of two minutes ago is in the features of a decision, training and serving alike; putting it in afterwards gives the same."""
    spine = world.recipients.head(2).assign(as_of=pd.Timestamp(NOW))
    who, at = spine["recipient_id"].iloc[0], NOW - timedelta(minutes=2)
    before = compute_features(spine, world.history, parameters)
    history = replace(world.history, events=pa.concat_tables([world.history.events, searching(who, at, "boots")]))
    after = compute_features(spine, history, parameters)
    place = [feature.name for feature in after.layout.cross].index("session_query_match")
    assert after.cross[0, :, place].tolist() == [1.0, 0.0, 0.0, 0.0]
    acts = facts_of([[Act("s", EventKind.SEARCHED, at, at, None, "boots")], []], parameters.words, CATEGORIES)
    overlaid = with_sessions(before, sessions_of(acts, rows_at([NOW, NOW]), parameters.spec.session, len(CATEGORIES)))
    np.testing.assert_array_equal(overlaid.cross[:, :, 4:], after.cross[:, :, 4:])
    for name in RECIPIENT:
        column = [feature.name for feature in after.layout.recipient].index(name)
        np.testing.assert_array_equal(overlaid.recipient[:, column], after.recipient[:, column])


def test_models_from_before_do_without(world: World, parameters: FeatureParameters) -> None:
    """A layout without sessions gives what it always gave, and takes no session either."""
    layout = parameters.layout
    own = tuple(feature for feature in layout.recipient if feature.name not in RECIPIENT)
    older = replace(parameters, layout=Layout(own, layout.cross[:4], layout.variant, layout.categories))
    found = compute_features(world.recipients.head(3).assign(as_of=pd.Timestamp(NOW)), world.history, older)
    assert found.cross.shape == (3, len(CATEGORIES), 4) and found.recipient.shape == (3, len(own))
    same = with_sessions(found, of(act(EventKind.SEARCHED, 1, "hats")).take(np.zeros(3, np.int64)))
    np.testing.assert_array_equal(same.cross, found.cross)


def test_parameters_keep_the_rule_and_the_words(parameters: FeatureParameters) -> None:
    """Stored with the model and read again they are the same, to the byte."""
    again = FeatureParameters.from_files(parameters.to_files())
    assert (again.words, again.spec.session) == (parameters.words, SessionRule())
    assert again.to_files() == parameters.to_files()
