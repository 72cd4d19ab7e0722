"""Who decides: the ranker retrained weekly, the one that never is again, and the variants that were clicked most."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import pandas as pd

from benchmarks.looping.letters import CAMPAIGN
from benchmarks.looping.log import Log
from benchmarks.looping.world import ATTRIBUTES, Rankings
from domain.content import Content
from domain.ids import ModelVersion, PlacementId, SendId, send_id_of
from domain.send import Send
from experiments.assignment import arms
from ranking.deciding.choice_sets import choice_sets
from ranking.deciding.decide import decide
from ranking.features.compute import compute_features, serving_spine
from ranking.model import RankingModel
from ranking.training.hyperparameters import with_those_of
from ranking.training.train import request_for, train
from simulator.letters import Surface
from simulator.truth import examination


@dataclass(slots=True)
class Ranker:
    """The house's ranker. It learns from its own letters alone; `retrains`: every week, or once."""

    retrains: bool
    quiet_per_outcome: float
    threads: int
    log: Log = field(default_factory=Log)
    model: RankingModel | None = None

    def learn(self, recipients: pd.DataFrame, content: Content, at: datetime) -> None:
        """Train on what is known, unless there is a model that is to stay."""
        if self.model and not self.retrains:
            return
        request = request_for(content, ATTRIBUTES, at)
        spec = replace(request.training, quiet_per_outcome=self.quiet_per_outcome, threads=self.threads)
        request = replace(request, training=spec)
        found = train(self.log.history(at), recipients, with_those_of(request, self.model))
        if isinstance(found, RankingModel):
            self.model = found

    def decide(self, recipients: pd.DataFrame, content: Content, at: datetime) -> pd.DataFrame:
        """The decisions of a send to everyone, as the house takes them."""
        send = _send(content, at, self.model.model_version if self.model else None)
        campaign, ids = content.campaign, recipients["recipient_id"]
        arm = arms(ids, recipients["address"], send_id=send.send_id, holdout=campaign.holdout, explore=campaign.policy.explore)
        features = (
            compute_features(serving_spine(recipients, at), self.log.history(at), self.model.parameters, threads=self.threads)
            if self.model
            else None
        )
        everyone = {p.placement: np.ones((len(recipients), len(content.of(p.placement))), dtype=bool) for p in campaign.placements}
        sets = choice_sets(len(recipients), features, content=content, eligible=everyone, model=self.model, as_of=at)
        return decide(recipients.assign(arm=arm), sets, content=content, model=self.model, send=send)


def _send(content: Content, at: datetime, version: ModelVersion | None) -> Send:
    return Send(
        send_id=send_id_of(CAMPAIGN, at),
        campaign=CAMPAIGN,
        scheduled_at=at,
        as_of=at,
        content_version=content.content_version,
        model_version=version,
        shards=1,
        esp="none",
        public_url="http://localhost",
        key_id="none",
    )


def send_id(at: datetime) -> SendId:
    """The send of an instant."""
    return send_id_of(CAMPAIGN, at)


@dataclass(slots=True)
class Popularity:
    """The variants with the highest click rates of late, for all alike; those who explore get any. A new variant counts as average."""

    weeks: int = 4
    counts: list[Mapping[PlacementId, pd.DataFrame]] = field(default_factory=list)

    def choose(self, surfaces: tuple[Surface, ...], exploring: np.ndarray, rng: np.random.Generator) -> Rankings:
        """Rankings of everyone."""
        found = {}
        for surface in surfaces:
            rates = self._rates(surface)
            drawn = np.where(exploring[:, None], rng.random((len(exploring), len(rates))), rates)
            found[surface.placement] = np.argsort(-drawn, axis=1, kind="stable")[:, : surface.positions].astype(np.int64)
        return found

    def _rates(self, surface: Surface) -> np.ndarray:
        names = [choice.variant for choice in surface.choices]
        known = [week[surface.placement] for week in self.counts[-self.weeks :]]
        if not known:
            return np.zeros(len(names))
        total = pd.concat(known).groupby(level=0).sum()
        mean = total["clicks"].sum() / total["looked_at"].sum()
        own = total.reindex(names).fillna(0.0)
        return ((own["clicks"] + _PRIOR * mean) / (own["looked_at"] + _PRIOR)).to_numpy(dtype=np.float64)

    def saw(self, surfaces: tuple[Surface, ...], rankings: Rankings, clicked: Mapping[PlacementId, np.ndarray]) -> None:
        """Take in a letter: what was clicked, bool[n, K] by placement."""
        self.counts.append({s.placement: _counts(s, rankings[s.placement], clicked[s.placement]) for s in surfaces})


_PRIOR = 50.0  # showings


def _counts(surface: Surface, ranking: np.ndarray, clicked: np.ndarray) -> pd.DataFrame:
    """Clicks and looks by variant. How much a position is looked at is given to this contender."""
    variants, looked = len(surface.choices), np.broadcast_to(examination(surface), ranking.shape)
    clicks, looks = (np.bincount(ranking.ravel(), weight.astype(float).ravel(), variants) for weight in (clicked, looked))
    return pd.DataFrame({"clicks": clicks, "looked_at": looks}, index=[choice.variant for choice in surface.choices])
