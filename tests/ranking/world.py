"""A little world with known truth, for tests of the ranking: tastes, position effects, purchases, and a logging policy.

Every recipient prefers one category; a click needs the position to be examined (θ) and the variant to please.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from domain.ids import PlacementId, RecipientId, SendId, decision_id_of
from domain.recipient import AttributeKind
from ranking.history import DECISIONS, EVENTS, OUTCOMES, PURCHASES, History
from ranking.policies import propensities
from ranking.specification import VariantFacts

CATEGORIES = ("boots", "coats", "hats", "socks")
THETA = (1.0, 0.6, 0.4)
HERO, STORIES = "weekly.hero", "weekly.stories"
VARIANTS = tuple(
    VariantFacts(placement, f"{category}-{n}", category, {"discount": 0.1 * n, "tone": ("plain", "loud")[n % 2]})
    for placement in (HERO, STORIES)
    for category in CATEGORIES
    for n in (1, 2)
)
ATTRIBUTES = {"age": AttributeKind.NUMERIC, "tier": AttributeKind.CATEGORICAL, "note": AttributeKind.TEXT}
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """Recipients (expanded frame), the category each likes, and history until NOW."""

    recipients: pd.DataFrame
    likes: npt.NDArray[np.int64]
    history: History

    def rates(self, placement: str) -> npt.NDArray[np.float64]:
        """True rate at position 1 of each variant of a placement for each recipient: float64[n, V]."""
        return true_rates(self.likes, placement)


def true_rates(likes: npt.NDArray[np.int64], placement: str) -> npt.NDArray[np.float64]:
    """0.30 for a liked category, 0.06 for another; the second variant of a category pleases a third less."""
    own = [(CATEGORIES.index(v.category), 1.0 if v.variant.endswith("1") else 0.67) for v in VARIANTS if v.placement == placement]
    return np.stack([np.where(likes == category, 0.30, 0.06) * factor for category, factor in own], axis=1)


def make_world(recipients: int = 1_500, sends: int = 8, seed: int = 0, temperature: float = 1.0) -> World:
    """A world whose logging policy knows something of tastes: Plackett–Luce on blurred log-rates."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"r{n:05d}" for n in range(recipients)], dtype=object)
    likes = rng.integers(0, len(CATEGORIES), recipients)
    decisions, outcomes, events = [], [], []
    for week in range(sends):
        at = START + timedelta(days=7 * week)
        for placement, positions in ((HERO, 1), (STORIES, 3)):
            shown, clicks = _send(rng, ids, likes, placement, positions, at, temperature)
            decisions.append(shown)
            outcomes.append(clicks)
    events.append(_views(rng, ids, likes))
    history = History(
        pa.Table.from_pandas(pd.concat(decisions), schema=DECISIONS, preserve_index=False),
        pa.Table.from_pandas(pd.concat(outcomes), schema=OUTCOMES, preserve_index=False),
        pa.Table.from_pandas(pd.concat(events), schema=EVENTS, preserve_index=False),
        pa.Table.from_pandas(_purchases(rng, ids, likes), schema=PURCHASES, preserve_index=False),
    )
    return World(_recipients(rng, ids, likes), likes, history)


def _recipients(rng: np.random.Generator, ids: npt.NDArray[np.object_], likes: npt.NDArray[np.int64]) -> pd.DataFrame:
    n = len(ids)
    return pd.DataFrame(
        {
            "recipient_id": ids,
            "time_zone": np.where(rng.random(n) < 0.5, "Europe/Vienna", "America/New_York"),
            "age": 20.0 + rng.integers(0, 60, n),
            "tier": np.array(["gold", "silver", "iron", "iron"], dtype=object)[likes],
            "note": "prints only",
        }
    )


def _send(rng, ids, likes, placement, positions, at, temperature):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    send_id = SendId(f"weekly-{at:%Y%m%d}")
    variants = [v for v in VARIANTS if v.placement == placement]
    rates = true_rates(likes, placement)
    blurred = np.log(rates) * 0.5 + 0.3 * rng.normal(size=rates.shape)
    weights = propensities.weights_of(blurred / temperature, np.ones(rates.shape, bool))
    ranking = propensities.draw(weights, rng.uniform(1e-12, 1, rates.shape), positions)
    marginal, prefix = propensities.marginal_probabilities(weights, ranking), propensities.prefix_probabilities(weights, ranking)
    row, k = np.nonzero(ranking >= 0)
    item = ranking[row, k]
    frame = pd.DataFrame(
        {
            "decision_id": [
                decision_id_of(send_id, RecipientId(ids[r]), PlacementId(placement), int(p) + 1) for r, p in zip(row, k, strict=True)
            ],
            "send_id": send_id,
            "recipient_id": ids[row],
            "placement": placement,
            "position": (k + 1).astype(np.int16),
            "variant": np.array([v.variant for v in variants], dtype=object)[item],
            "category": np.array([v.category for v in variants], dtype=object)[item],
            "arm": "incumbent",
            "score": np.nan,
            "propensity": marginal[row, k],
            "prefix_propensity": prefix[row, k],
            "candidates": np.int16(len(variants)),
            "decided_at": pd.Timestamp(at),
            "received_at": pd.Timestamp(at),
            "model_version": None,
            "content_version": None,
            "source": "world",
        }
    )
    clicked = rng.random(len(row)) < np.asarray(THETA)[k] * rates[row, item]
    later = pd.Timestamp(at) + pd.to_timedelta(rng.integers(60, 90_000, clicked.sum()), unit="s")
    hits = pd.DataFrame(
        {
            "decision_id": frame["decision_id"][clicked].to_numpy(),
            "recipient_id": ids[row][clicked],
            "kind": "click",
            "value": np.nan,
            "currency": None,
            "occurred_at": later,
            "received_at": later,
            "source": "world",
        }
    )
    return frame, hits


def _times(rng: np.random.Generator, n: int) -> pd.DatetimeIndex:
    return pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, int((NOW - START).total_seconds()), n), unit="s")


def _views(rng: np.random.Generator, ids: npt.NDArray[np.object_], likes: npt.NDArray[np.int64]) -> pd.DataFrame:
    n = len(ids) * 4
    who = rng.integers(0, len(ids), n)
    at = _times(rng, n)
    return pd.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(n)],
            "kind": rng.choice(["page_viewed", "searched", "opened"], n),
            "recipient_id": ids[who],
            "message_id": None,
            "decision_id": None,
            "category": np.asarray(CATEGORIES, dtype=object)[likes[who]],
            "item": None,
            "device": rng.choice(["phone", "desktop"], n),
            "channel": rng.choice(["web", "app"], n),
            "occurred_at": at,
            "received_at": at + pd.Timedelta(minutes=5),
            "source": "shop",
            "properties": "{}",
        }
    )


def _purchases(rng: np.random.Generator, ids: npt.NDArray[np.object_], likes: npt.NDArray[np.int64]) -> pd.DataFrame:
    n = len(ids) * 3
    who = rng.integers(0, len(ids), n)
    category = np.where(rng.random(n) < 0.7, likes[who], rng.integers(0, len(CATEGORIES), n))
    at = _times(rng, n)
    return pd.DataFrame(
        {
            "purchase_id": [f"p{i}" for i in range(n)],
            "recipient_id": ids[who],
            "item": [f"{CATEGORIES[c]}-item{i}" for c, i in zip(category, rng.integers(0, 10, n), strict=True)],
            "category": np.asarray(CATEGORIES, dtype=object)[category],
            "quantity": 1.0,
            "amount": rng.gamma(2, 20, n).round(2),
            "currency": "EUR",
            "occurred_at": at,
            "received_at": at + pd.Timedelta(hours=1),
            "source": "shop",
        }
    )
