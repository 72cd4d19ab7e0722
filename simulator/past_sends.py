"""The letters of one past week, as frames in the columns of `letterpress import decisions`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from simulator.catalogue import Catalogue
from simulator.letters import Surface
from simulator.logging_policy import Logged, choose
from simulator.people import CATEGORIES, People
from simulator.reading import Draws, Responses, open_letters, respond, whole_letter


@dataclass(frozen=True, slots=True)
class PastPlacement:
    """One placement of a past send: its decisions with outcomes, and the purchases that followed from them.

    `is_whole`: the subject line's, whose outcomes are those of the whole letter; their purchases are with the other placements.
    """

    decisions: pd.DataFrame
    purchases: pd.DataFrame
    is_whole: bool = False


def past_send(
    people: People, surfaces: Sequence[Surface], catalogue: Catalogue, *, at: datetime, seed: int, week: int
) -> Iterator[PastPlacement]:
    """The placements of a letter to everyone in `people`."""
    rng = np.random.default_rng([seed, 3, week])
    subject = next(surface for surface in surfaces if surface.is_subject)
    lines = choose(people, subject, seed, rng)
    opened = open_letters(people, subject, lines.ranking, draws=_fresh(rng, lines.ranking.shape), seed=seed)
    parts: list[Responses] = []
    for surface in surfaces:
        if not surface.is_subject:
            logged = choose(people, surface, seed, rng)
            draws = _fresh(rng, logged.ranking.shape)
            parts.append(respond(people, surface, logged.ranking, opened, draws=draws, catalogue=catalogue, seed=seed))
            yield PastPlacement(_decisions(people, surface, logged, parts[-1], at), _purchases(people, parts[-1], catalogue, at))
    yield PastPlacement(_decisions(people, subject, lines, whole_letter(parts), at), pd.DataFrame(), is_whole=True)


def _fresh(rng: np.random.Generator, shape: tuple[int, ...]) -> Draws:
    """New draws each time they are asked for."""
    return lambda _: rng.random(shape)


def _decisions(people: People, surface: Surface, logged: Logged, responses: Responses, at: datetime) -> pd.DataFrame:
    """Rows by position and then person."""
    n, positions = logged.ranking.shape
    flat, clicked, converted = logged.ranking.T.ravel(), responses.clicked.T.ravel(), responses.converted.T.ravel()
    answered = pd.Series(_moments(at, responses)).where(clicked)
    return pd.DataFrame(
        {
            "recipient_id": np.tile(people.recipients["recipient_id"].to_numpy(), positions),
            "send_id": _constant(f"past-weekly-{at:%Y%m%d}", n * positions),
            "placement": _constant(surface.placement, n * positions),
            "position": np.repeat(np.arange(1, positions + 1, dtype=np.int16), n),
            "variant": pd.Categorical.from_codes(flat, pd.Index([choice.variant for choice in surface.choices])),
            "category": pd.Series([choice.category for choice in surface.choices], dtype="category").take(flat).array,
            "propensity": logged.propensity.T.ravel(),
            "prefix_propensity": logged.prefix_propensity.T.ravel(),
            "candidates": np.int16(len(surface.choices)),
            "decided_at": pd.Timestamp(at).as_unit("us"),
            "clicked": clicked,
            "clicked_at": answered,
            "converted": converted,
            "converted_at": answered.where(converted),
            "revenue": pd.Series(responses.revenue.T.ravel()).where(converted),
            "currency": pd.Categorical.from_codes(np.where(converted, 0, -1), pd.Index(["EUR"])),
        }
    )


def _purchases(people: People, responses: Responses, catalogue: Catalogue, at: datetime) -> pd.DataFrame:
    """One line per conversion, in the columns of `letterpress import purchases` but for its id."""
    rows, positions = np.nonzero(responses.converted)
    shelf, item = responses.shelf[rows, positions], responses.item[rows, positions]
    return pd.DataFrame(
        {
            "recipient_id": people.recipients["recipient_id"].to_numpy()[rows],
            "item": pd.array(catalogue.names[shelf, item], dtype="str"),
            "category": pd.array(np.array(CATEGORIES, dtype=object)[shelf], dtype="str"),
            "quantity": 1.0,
            "amount": responses.revenue[rows, positions],
            "currency": "EUR",
            "occurred_at": pd.Series(pd.Timestamp(at) + _delay(responses.hours[rows, positions])).dt.as_unit("us"),
        }
    )


def _moments(at: datetime, responses: Responses) -> pd.DatetimeIndex:
    return (pd.Timestamp(at) + _delay(responses.hours.T.ravel())).as_unit("us")


def _delay(hours: np.ndarray) -> pd.TimedeltaIndex:
    return pd.to_timedelta(np.round(hours * 3_600).astype(np.int64), unit="s")


def _constant(text: str, rows: int) -> "pd.Categorical[Any]":
    return pd.Categorical.from_codes(np.zeros(rows, dtype=np.int8), pd.Index([text]))
