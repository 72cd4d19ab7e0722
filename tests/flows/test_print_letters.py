"""Printing a shard."""

from itertools import groupby
from pathlib import Path

import pandas as pd
import pytest

from delivery.compile import compile_campaign
from delivery.compose import Composer
from domain.ids import RecipientId
from domain.ledger import UnprintableMessage
from domain.message import Letter
from flows.print_letters import print_letters
from tests.delivery.campaigns import press, write

HEROES = ("second", "first", "second", "first", "second")


@pytest.fixture
def composer(tmp_path: Path) -> Composer:
    """A press with two heroes; the second one prints a first name."""
    return press(compile_campaign(write(tmp_path)))


def audience(names: list[str | None]) -> pd.DataFrame:
    """A frozen audience r0, r1, …"""
    attributes = ['{"first_name": null}' if name is None else f'{{"first_name": "{name}"}}' for name in names]
    rows = [(f"r{n}", f"r{n}@example.org", None, "UTC", "en", pd.NaT, own) for n, own in enumerate(attributes)]
    return pd.DataFrame(rows, columns=["recipient_id", "address", "exclusion", "time_zone", "locale", "created_at", "attributes"])


def decisions(heroes: tuple[str, ...] = HEROES) -> pd.DataFrame:
    """Each recipient's hero, and the stories the other way round for every other of them."""
    stories = [("one", "two"), ("two", "one")]
    rows = [(f"r{n}", "news.hero", 1, hero) for n, hero in enumerate(heroes)]
    rows += [(f"r{n}", "news.story", place, story) for n in range(len(heroes)) for place, story in enumerate(stories[n // 4], 1)]
    return pd.DataFrame(rows, columns=["recipient_id", "placement", "position", "variant"])


def printed(composer: Composer, names: list[str | None], done: tuple[str, ...] = ()) -> list[Letter | UnprintableMessage]:
    """The letters."""
    who = [RecipientId(name) for name in done]
    return list(print_letters(composer, composer._send, audience(names), decisions(), shard=0, done=who))


def test_letters_come_body_by_body(composer: Composer) -> None:
    """Recipients with the same variants are side by side, in the order of the audience among themselves."""
    letters = [letter for letter in printed(composer, ["Ada"] * 5) if isinstance(letter, Letter)]
    assert [letter.recipient_id for letter in letters] == ["r1", "r3", "r0", "r2", "r4"]
    assert len([body for body, _ in groupby(letter.body_hash for letter in letters)]) == len({letter.body_hash for letter in letters})


def test_who_is_done_does_not_change_the_order_of_the_others(composer: Composer) -> None:
    """A shard that is taken up again prints the rest in the order in which it would have been printed."""
    every = [letter.message_id for letter in printed(composer, ["Ada"] * 5)]
    rest = [letter.message_id for letter in printed(composer, ["Ada"] * 5, done=("r1", "r2"))]
    assert rest == [message_id for message_id in every if message_id in rest]
    assert len(rest) == 3


def test_a_letter_that_cannot_be_printed_stands_in_its_place(composer: Composer) -> None:
    """Its reason comes out instead, and the others are printed."""
    found = printed(composer, [None, "Ada", "Ada", "Ada", "Ada"])
    [failed] = [one for one in found if isinstance(one, UnprintableMessage)]
    assert failed.recipient_id == "r0"
    assert "recipient.first_name is empty" in failed.reason
    assert len(found) == 5


def test_a_letter_is_the_same_wherever_it_is_printed(composer: Composer) -> None:
    """Order and neighbours change nothing about a letter."""
    together = {letter.message_id: letter for letter in printed(composer, ["Ada"] * 5) if isinstance(letter, Letter)}
    for done in (("r0",), ("r1", "r2", "r3")):
        for letter in printed(composer, ["Ada"] * 5, done=done):
            assert together[letter.message_id] == letter
