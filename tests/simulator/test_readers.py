"""Readers of a send."""

import numpy as np
import pandas as pd
import pytest

from domain.ids import SendId
from simulator.letters import WEEKLY
from simulator.people import People, draw_people
from simulator.readers import rankings_of, read_letters
from simulator.reading import message_click_rate
from tests.simulator.world import SEED, UNTIL

SEND = SendId("weekly-20261123T090000Z")


@pytest.fixture(scope="module")
def people() -> People:
    return draw_people(20_000, SEED, UNTIL)


@pytest.fixture(scope="module")
def decisions(people: People) -> pd.DataFrame:
    """A uniformly random slate for everyone."""
    rng = np.random.default_rng(5)
    frames = []
    for surface in WEEKLY:
        order = rng.random((len(people), len(surface.choices))).argsort(axis=1)
        for position in range(surface.positions):
            variants = np.array([choice.variant for choice in surface.choices], dtype=object)[order[:, position]]
            frame = {"recipient_id": people.recipients["recipient_id"], "placement": surface.placement, "variant": variants}
            frames.append(pd.DataFrame(frame).assign(position=position + 1))
    return pd.concat(frames, ignore_index=True)


def test_as_often_as_the_truth_says(people: People, decisions: pd.DataFrame) -> None:
    """The share of letters clicked is the true rate of what stood in them, within what chance allows."""
    reading = read_letters(people, WEEKLY, decisions, send_id=SEND, seed=SEED, at=UNTIL)
    rankings = {surface.placement: rankings_of(people, surface, decisions) for surface in WEEKLY}
    expected = message_click_rate(people, WEEKLY, rankings, SEED)
    clicked = reading.clicks["recipient_id"].nunique()
    assert abs(clicked - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum())


def test_readers_do_the_same_whoever_else_is_asked(people: People, decisions: pd.DataFrame) -> None:
    """Half of the readers, asked in another order, do what they do among all."""
    whole = read_letters(people, WEEKLY, decisions, send_id=SEND, seed=SEED, at=UNTIL)
    half = set(people.recipients["recipient_id"].iloc[::2])
    part = decisions[decisions["recipient_id"].isin(half)].sample(frac=1, random_state=1)
    found = read_letters(people, WEEKLY, part, send_id=SEND, seed=SEED, at=UNTIL)
    expected = whole.clicks[whole.clicks["recipient_id"].isin(half)].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.clicks, expected)
    assert set(found.opened) == set(whole.opened) & half
    assert set(found.purchases["purchase_id"]) <= set(whole.purchases["purchase_id"])


def test_another_send_is_another_day(people: People, decisions: pd.DataFrame) -> None:
    """In another send other readers click."""
    first, second = (read_letters(people, WEEKLY, decisions, send_id=send, seed=SEED, at=UNTIL) for send in (SEND, SendId("another")))
    assert set(first.clicks["recipient_id"]) != set(second.clicks["recipient_id"])


def test_only_openers_click_and_only_what_they_got(people: People, decisions: pd.DataFrame) -> None:
    """Clicks are of letters that were opened and of variants that stood there; unsubscribers are few, and opened too."""
    reading = read_letters(people, WEEKLY, decisions, send_id=SEND, seed=SEED, at=UNTIL)
    key = ["recipient_id", "placement", "position", "variant"]
    assert len(reading.clicks.merge(decisions, on=key)) == len(reading.clicks) > 500
    assert set(reading.clicks["recipient_id"]) <= set(reading.opened)
    assert set(reading.unsubscribed) < set(reading.opened)
    assert 0 < len(reading.unsubscribed) < 0.01 * len(reading.opened)


def test_purchases_follow_clicks(people: People, decisions: pd.DataFrame) -> None:
    """Who bought had clicked, about one in eight clicks, each with an id of its own."""
    reading = read_letters(people, WEEKLY, decisions, send_id=SEND, seed=SEED, at=UNTIL)
    assert set(reading.purchases["recipient_id"]) <= set(reading.clicks["recipient_id"])
    assert reading.purchases["purchase_id"].is_unique
    assert 0.08 < len(reading.purchases) / len(reading.clicks) < 0.16


def test_strangers_and_gaps(people: People, decisions: pd.DataFrame) -> None:
    """Recipients the shop did not invent, variants it does not know and missing positions lead to nothing, not to errors."""
    part = decisions[decisions["recipient_id"].isin(people.recipients["recipient_id"].head(500)) & (decisions["position"] < 3)]
    strange = part.assign(variant=part["variant"].where(part["placement"] != "weekly.hero", "unheard-of"))
    strangers = part.assign(recipient_id="stranger-" + part["recipient_id"])
    reading = read_letters(people, WEEKLY, pd.concat([strange, strangers]), send_id=SEND, seed=SEED, at=UNTIL)
    assert not reading.clicks["placement"].isin(["weekly.hero"]).any()
    assert not reading.clicks["recipient_id"].str.startswith("stranger").any()


def test_nobody(people: People, decisions: pd.DataFrame) -> None:
    """A send to nobody is read by nobody."""
    reading = read_letters(people, WEEKLY, decisions.iloc[:0], send_id=SEND, seed=SEED, at=UNTIL)
    assert reading.opened == () and reading.clicks.empty and reading.purchases.empty
