"""The past of a shop's pages: visits in which people see placements, some after a search, and click what they are after.

What a visitor is after is what they have just searched for, else what they like. So there is something to learn from searches, and it is
more than what anybody likes in general.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import InputError
from domain.event import EventKind
from simulator.catalogue import Catalogue, draw_catalogue
from simulator.letters import Surface
from simulator.people import CATEGORIES, People, draw_people
from simulator.shop_files import DECISIONS, EVENTS, RECIPIENTS, write

_SEARCHES = 0.4  # share of visits that begin with a search
_ELSEWHERE = 0.5  # of the searches: for something else than what they like
_CLICKS = {"searched": 0.5, "liked": 0.28, "liked_but_searched": 0.06, "other": 0.025}
_SEEN = 0.8  # how much less the next position is looked at
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class VisitsSummary:
    """What was written to `folder`."""

    folder: str
    recipients: int
    visits: int
    searches: int
    clicks: int


@dataclass(frozen=True, slots=True)
class _Visits:
    """n visits: who (rows of people), when, what they like and what they searched for (places in CATEGORIES; −1: nothing)."""

    who: Ints
    ids: npt.NDArray[np.object_]
    at: pd.DatetimeIndex
    liked: Ints
    searched: Ints


def simulate_visits(out: Path, *, recipients: int, weeks: int, seed: int, until: datetime, surfaces: Sequence[Surface]) -> VisitsSummary:
    """Write recipients, decisions and events of a shop's pages over `weeks` before `until`: a visit a week by nearly everybody, with
    placements decided at random. Same arguments, same bytes. InputError for sizes below 1."""
    if recipients < 1 or weeks < 1 or not surfaces:
        raise InputError("visits need at least one recipient, one week and a placement")
    out.mkdir(parents=True, exist_ok=True)
    people, catalogue = draw_people(recipients, seed, until), draw_catalogue(seed)
    people.recipients.to_csv(out / RECIPIENTS, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    rng = np.random.default_rng([seed, 20])
    visits = _drawn(rng, people, weeks, until)
    decisions = pd.concat([_shown(rng, visits, surface) for surface in surfaces], ignore_index=True)
    events = _events(rng, visits, catalogue)
    write(out / DECISIONS, decisions)
    write(out / EVENTS, events)
    return VisitsSummary(str(out), recipients, len(visits.who), int((visits.searched >= 0).sum()), int(decisions["clicked"].sum()))


def _drawn(rng: np.random.Generator, people: People, weeks: int, until: datetime) -> _Visits:
    who = np.tile(np.arange(len(people)), weeks)
    back = pd.to_timedelta(np.repeat(np.arange(weeks), len(people)) * 7 * 86_400 + rng.integers(3_600, 6 * 86_400, len(who)), unit="s")
    at = (pd.Timestamp(until) - back).as_unit("us")
    known = at >= pd.DatetimeIndex(people.recipients["created_at"]).take(who) + pd.Timedelta(hours=1)
    who, at = who[known], at[known]
    liked = np.asarray(people.tastes[who].argmax(axis=1), dtype=np.int64)
    wanted = np.where(rng.random(len(who)) < _ELSEWHERE, rng.integers(0, len(CATEGORIES), len(who)), liked)
    searched = np.where(rng.random(len(who)) < _SEARCHES, wanted, -1)
    return _Visits(who, people.recipients["recipient_id"].to_numpy(dtype=object)[who], at, liked, searched)


def _shown(rng: np.random.Generator, visits: _Visits, surface: Surface) -> pd.DataFrame:
    """What a placement showed in each visit, drawn uniformly, and what was clicked: rows by position and then visit."""
    n, count, positions = len(visits.who), len(surface.choices), surface.positions
    shown = rng.random((n, count)).argsort(axis=1)[:, :positions]
    shelves = np.array([CATEGORIES.index(one.category) if one.category in CATEGORIES else -1 for one in surface.choices])[shown]
    rates = _rates(shelves, visits) * _SEEN ** np.arange(positions)
    clicked = rng.random((n, positions)) < rates
    prefix = np.cumprod(1 / (count - np.arange(positions)))
    at, weeks = visits.at, visits.at.strftime("past-visits-%G-%V")
    frames = (
        pd.DataFrame(
            {
                "recipient_id": visits.ids,
                "send_id": weeks,
                "placement": surface.placement,
                "position": np.int16(position + 1),
                "variant": np.array([one.variant for one in surface.choices], dtype=object)[shown[:, position]],
                "category": np.array([one.category for one in surface.choices], dtype=object)[shown[:, position]],
                "propensity": 1 / count,
                "prefix_propensity": prefix[position],
                "candidates": np.int16(count),
                "decided_at": at,
                "clicked": clicked[:, position],
                "clicked_at": pd.Series(at + pd.Timedelta(seconds=20)).where(clicked[:, position]),
            }
        )
        for position in range(positions)
    )
    return pd.concat(frames, ignore_index=True)


def _rates(shelves: Ints, visits: _Visits) -> npt.NDArray[np.float64]:
    """How likely each visitor is to click each thing they look at: float64[n, positions]."""
    liked, searched = visits.liked[:, None], visits.searched[:, None]
    of_taste = np.where(searched >= 0, _CLICKS["liked_but_searched"], _CLICKS["liked"])
    taste = np.where(shelves == liked, of_taste, _CLICKS["other"])
    return np.where((shelves == searched) & (searched >= 0), _CLICKS["searched"], taste)


def _events(rng: np.random.Generator, visits: _Visits, catalogue: Catalogue) -> pd.DataFrame:
    """A search three minutes before a visit's placements with a look at something found, and looks at what people like, by time."""
    looks = np.where(visits.searched >= 0, visits.searched, visits.liked)
    items = catalogue.names[looks, rng.integers(0, catalogue.names.shape[1], len(looks))]
    parts = [_searches(visits, items), _looks(visits, items, looks)]
    events = pd.concat(parts, ignore_index=True).sort_values("occurred_at", kind="stable", ignore_index=True)
    return events.assign(event_id=[f"v{number}" for number in range(1, len(events) + 1)])


def _searches(visits: _Visits, items: npt.NDArray[np.object_]) -> pd.DataFrame:
    rows = np.flatnonzero(visits.searched >= 0)
    queries = [str(item).partition("/")[2].replace("-", " ") for item in items[rows]]
    at = visits.at[rows] - pd.Timedelta(minutes=3)
    return pd.DataFrame({"recipient_id": visits.ids[rows], "kind": EventKind.SEARCHED.value, "query": queries, "occurred_at": at})


def _looks(visits: _Visits, items: npt.NDArray[np.object_], shelves: Ints) -> pd.DataFrame:
    frame = pd.DataFrame({"recipient_id": visits.ids, "kind": EventKind.PAGE_VIEWED.value, "item": items})
    return frame.assign(category=np.array(CATEGORIES, dtype=object)[shelves], occurred_at=visits.at - pd.Timedelta(minutes=2))
