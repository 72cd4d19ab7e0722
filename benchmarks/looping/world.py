"""The world of a year: people whose tastes change, seasons, what they do on the site, and how they answer their letters.

Tastes, visits, attraction and examination are the simulator's (docs/simulator.md). On top of it, every week a share of the people
get new tastes altogether, drawn as at first; and each category has its season, in which it weighs `exp(_SEASON)` as much as on average.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from domain.hashing import key_of
from domain.ids import PlacementId
from domain.recipient import AttributeKind
from ranking.history import EVENTS, PURCHASES
from simulator.catalogue import Catalogue, draw_catalogue
from simulator.letters import Surface
from simulator.people import CATEGORIES, People, draw_people
from simulator.reading import Draws, Responses, open_letters, respond
from simulator.shopping import organic_events, organic_purchases
from simulator.truth import attraction, examination

BEGAN = datetime(2026, 1, 6, 9, tzinfo=UTC)
WEEK = timedelta(weeks=1)
CHANGED_MINDS = 0.03  # of the people, per week
_SEASON = 0.5
_WEEKS_OF_A_YEAR = 52
ATTRIBUTES = {
    "country": AttributeKind.CATEGORICAL,
    "favourite": AttributeKind.CATEGORICAL,
    "orders": AttributeKind.NUMERIC,
    "spend": AttributeKind.NUMERIC,
    "tier": AttributeKind.CATEGORICAL,
}

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Rankings = Mapping[PlacementId, Ints]
"""By placement what stands in each position, int64[n, K], indexing the surface's choices."""


@dataclass(frozen=True, slots=True)
class World:
    """People as they are in one week, before its season; `site_events` is a factor on how many things they do on the site."""

    people: People
    catalogue: Catalogue
    seed: int
    site_events: float

    def later(self, week: int) -> "World":
        """A week later: some have changed their minds."""
        rng = np.random.default_rng([self.seed, 11, week])
        anew = rng.random(len(self.people)) < CHANGED_MINDS
        drawn = draw_people(len(self.people), int(key_of(f"{self.seed}/{week}") % 2**31), BEGAN).tastes
        tastes = np.where(anew[:, None], drawn, self.people.tastes)
        return replace(self, people=replace(self.people, tastes=tastes))

    def in_season(self, week: int) -> People:
        """The people with their tastes of this week."""
        turn = 2 * np.pi * (week / _WEEKS_OF_A_YEAR + np.arange(len(CATEGORIES)) / len(CATEGORIES))
        weighed = self.people.tastes * np.exp(_SEASON * np.sin(turn))
        tastes = (weighed / weighed.sum(axis=1, keepdims=True)).astype(np.float32)
        return replace(self.people, tastes=tastes)


def first_world(recipients: int, seed: int, site_events: float) -> World:
    """The people before the first letter, all of them known to the shop for a year."""
    people = draw_people(recipients, seed, BEGAN)
    joined, orders = pd.Timestamp(BEGAN - timedelta(days=365)).as_unit("us"), people.recipients["orders"].astype(float)
    known = people.recipients.assign(created_at=joined, orders=orders)
    return World(replace(people, recipients=known), draw_catalogue(seed), seed, site_events)


def at_of(week: int) -> datetime:
    """When the letter of a week goes out."""
    return BEGAN + week * WEEK


def on_the_site(world: World, week: int) -> tuple[pa.Table, pa.Table]:
    """What people did in the week before the letter: events and purchases, as they stand in the lake."""
    at, people = at_of(week), world.in_season(week)
    since, seed = at - WEEK, world.seed * 10_000 + week
    views = _thinned(organic_events(people, world.catalogue, since=since, until=at, seed=seed), world, week)
    bought = organic_purchases(people, world.catalogue, since=since, until=at, seed=seed)
    bought = bought.sort_values("occurred_at", kind="stable", ignore_index=True)
    views = views.assign(event_id=[f"{week}-{n}" for n in range(len(views))], received_at=views["occurred_at"], source="shop")
    bought = bought.assign(purchase_id=[f"{week}-{n}" for n in range(len(bought))], received_at=bought["occurred_at"], source="shop")
    return arrow(views, EVENTS), arrow(bought, PURCHASES)


def _thinned(events: pd.DataFrame, world: World, week: int) -> pd.DataFrame:
    kept = np.random.default_rng([world.seed, 12, week]).random(len(events)) < world.site_events
    return events[kept]


def arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """The frame in a schema; columns it lacks are empty."""
    return pa.Table.from_pandas(frame.reindex(columns=schema.names), schema=schema, preserve_index=False, safe=False)


@dataclass(frozen=True, slots=True)
class Reader:
    """How people answer the letters of one week. All contenders meet the same chance: draws depend on week and name alone."""

    people: People
    surfaces: tuple[Surface, ...]
    catalogue: Catalogue
    seed: int
    week: int

    def value(self, rankings: Rankings) -> Doubles:
        """Expected clicks per letter under the truth, float64[n]."""
        opens, clicks = np.ones(len(self.people)), np.zeros(len(self.people))
        for surface in self.surfaces:
            drawn = np.take_along_axis(attraction(self.people, surface, self.seed), rankings[surface.placement], axis=1).astype(np.float64)
            if surface.is_subject:
                opens = drawn[:, 0]
            else:
                clicks += (drawn * examination(surface)).sum(axis=1)
        return opens * clicks

    def responses(self, rankings: Rankings) -> Mapping[PlacementId, Responses]:
        """What they click, by placement but for the subject line."""
        subject = next(surface for surface in self.surfaces if surface.is_subject)
        opened = open_letters(self.people, subject, rankings[subject.placement], draws=self._draws(subject, 1), seed=self.seed)
        return {
            surface.placement: respond(
                self.people,
                surface,
                rankings[surface.placement],
                opened,
                draws=self._draws(surface, surface.positions),
                catalogue=self.catalogue,
                seed=self.seed,
            )
            for surface in self.surfaces
            if surface is not subject
        }

    def _draws(self, surface: Surface, positions: int) -> Draws:
        def drawn(name: str) -> Doubles:
            salt = int(key_of(f"{surface.placement}/{name}") % 2**31)
            return np.random.default_rng([self.seed, 13, self.week, salt]).random((len(self.people), positions))

        return drawn


def alike(surfaces: Sequence[Surface], people: int) -> Rankings:
    """The default slate for everyone."""
    return {s.placement: np.broadcast_to(np.array(s.index(s.default), dtype=np.int64), (people, s.positions)) for s in surfaces}
