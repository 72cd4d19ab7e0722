"""The year itself: week by week all contenders write to the same people, and those who learn look at their own letters only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.looping.contenders import Popularity, Ranker, send_id
from benchmarks.looping.letters import content_of_week, surfaces_of_week
from benchmarks.looping.log import clicks_of, rankings_of
from benchmarks.looping.world import Ints, Rankings, Reader, World, alike, at_of, first_world, on_the_site
from domain.campaign import Holdout, Policy
from domain.ids import PlacementId
from experiments.assignment import in_explore, in_holdout
from simulator.letters import Surface
from simulator.oracle import best_for_each


@dataclass(frozen=True, slots=True)
class Plan:
    """A year: people, weeks of letters before the first model, weeks with one, and the house's settings."""

    recipients: int
    before: int
    weeks: int
    policy: Policy
    site_events: float = 1.0
    quiet_per_outcome: float = 4.0
    threads: int = 1
    seed: int = 1
    holdout: float = 0.1


@dataclass(frozen=True, slots=True)
class Week:
    """Expected clicks per letter of those outside the holdout, by contender, and the temperature of the weekly one."""

    week: int
    values: Mapping[str, float]
    temperature: float | None


def year(plan: Plan) -> Iterator[Week]:
    """Every week with a model. The first letters, which rank uniformly, come before."""
    world = first_world(plan.recipients, plan.seed, plan.site_events)
    rankers = {
        name: Ranker(retrains, plan.quiet_per_outcome, plan.threads) for name, retrains in (("weekly", True), ("never_retrained", False))
    }
    popularity = Popularity()
    for week in range(-plan.before, plan.weeks):
        world = world.later(week + plan.before)
        one = _Week(plan, world, week)
        values = one.write(rankers, popularity)
        if week >= 0:
            weekly = rankers["weekly"].model
            yield Week(week, values, weekly.card.temperature if weekly else None)


class _Week:
    """One week: its letter, its readers, and who is held out or explores."""

    def __init__(self, plan: Plan, world: World, week: int) -> None:
        at = at_of(week + plan.before)
        self.week, self.world, self.at = week, world, at
        self.recipients = world.people.recipients
        self.ids = pd.Index(self.recipients["recipient_id"])
        self.content = content_of_week(week + plan.before, plan.policy, Holdout(plan.holdout))
        self.surfaces = surfaces_of_week(week + plan.before)
        number = week + plan.before
        self.reader = Reader(world.in_season(number), self.surfaces, world.catalogue, plan.seed, number)
        self.site = on_the_site(world, number)
        self.held_out = in_holdout(self.recipients["address"], self.content.campaign.holdout)
        self.exploring = in_explore(self.ids, send_id(at), plan.policy.explore)
        self.rng = np.random.default_rng([plan.seed, 14, number])

    def write(self, rankers: Mapping[str, Ranker], popularity: Popularity) -> dict[str, float]:
        """Let everyone decide, show the letters, take in what comes back; the values of the week."""
        shown = {name: self._ranked(ranker) for name, ranker in rankers.items()}
        shown["popularity"] = popularity.choose(self.surfaces, self.exploring, self.rng)
        popularity.saw(self.surfaces, shown["popularity"], self._clicked(shown["popularity"]))
        shown["default"] = alike(self.surfaces, len(self.ids))
        shown["oracle"] = {s.placement: best_for_each(self.reader.people, s, self.reader.seed) for s in self.surfaces}
        shown["random"] = {s.placement: self._any(s) for s in self.surfaces}
        return {name: float(self.reader.value(rankings)[~self.held_out].mean()) for name, rankings in shown.items()}

    def _clicked(self, rankings: Rankings) -> dict[PlacementId, npt.NDArray[np.bool_]]:
        """What is clicked, bool[n, K] by placement; a subject line when anything in its letter is."""
        clicked = {placement: part.clicked for placement, part in self.reader.responses(rankings).items()}
        letter = np.zeros((len(self.ids), 1), dtype=np.bool_)
        for part in clicked.values():
            letter |= part.any(axis=1, keepdims=True)
        return clicked | {s.placement: letter for s in self.surfaces if s.is_subject}

    def _any(self, surface: Surface) -> Ints:
        return self.rng.random((len(self.ids), len(surface.choices))).argsort(axis=1)[:, : surface.positions]

    def _ranked(self, ranker: Ranker) -> Rankings:
        ranker.log.seen(self.at, *self.site)
        if self.week >= 0:
            ranker.learn(self.recipients, self.content, self.at)
        decisions = ranker.decide(self.recipients, self.content, self.at)
        rankings = rankings_of(decisions, self.surfaces, self.ids)
        ranker.log.sent(self.at, decisions, clicks_of(decisions, self.surfaces, self.reader.responses(rankings), self.ids, self.at))
        return rankings
