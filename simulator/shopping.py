"""What people do without being written to: they look at things and buy some, after their tastes."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.event import EventKind
from simulator.catalogue import Catalogue
from simulator.people import CATEGORIES, People

VIEWS_PER_WEEK, PURCHASES_PER_WEEK, CARTS = 1.6, 0.06, 0.12  # views and purchases per person; share of views put into a cart
_DEVICES, _DEVICE_SHARES = ("mobile", "desktop", "tablet"), (0.58, 0.35, 0.07)
_CHANNELS, _CHANNEL_SHARES = ("search", "direct", "social", "ads", "app"), (0.34, 0.28, 0.16, 0.12, 0.10)


def organic_events(people: People, catalogue: Catalogue, *, since: datetime, until: datetime, seed: int) -> pd.DataFrame:
    """Page views and things put into the cart, in the columns of `letterpress import events`, by time."""
    rng = np.random.default_rng([seed, 4])
    who = _visits(rng, people, VIEWS_PER_WEEK, until - since)
    shelf, item = _to_taste(rng, people, who), rng.integers(0, catalogue.names.shape[1], len(who))
    kinds = np.where(rng.random(len(who)) < CARTS, EventKind.ADDED_TO_CART.value, EventKind.PAGE_VIEWED.value)
    events = pd.DataFrame(
        {
            "recipient_id": people.recipients["recipient_id"].to_numpy()[who],
            "kind": pd.array(kinds, dtype="str"),
            "category": pd.array(np.array(CATEGORIES, dtype=object)[shelf], dtype="str"),
            "item": pd.array(catalogue.names[shelf, item], dtype="str"),
            "device": _mostly_their_own(rng, people, who),
            "channel": pd.array(rng.choice(np.array(_CHANNELS, dtype=object), len(who), p=_CHANNEL_SHARES), dtype="str"),
            "occurred_at": _moments(rng, len(who), since, until),
        }
    )
    events = _since_they_joined(events, people, who).sort_values("occurred_at", kind="stable", ignore_index=True)
    return events.assign(event_id=[f"e{number}" for number in range(1, len(events) + 1)])


def organic_purchases(people: People, catalogue: Catalogue, *, since: datetime, until: datetime, seed: int) -> pd.DataFrame:
    """Purchases that no letter led to, in the columns of `letterpress import purchases` but for their ids."""
    rng = np.random.default_rng([seed, 5])
    who = _visits(rng, people, PURCHASES_PER_WEEK, until - since)
    shelf, item = _to_taste(rng, people, who), rng.integers(0, catalogue.names.shape[1], len(who))
    quantity = 1.0 + rng.poisson(0.2, len(who))
    purchases = pd.DataFrame(
        {
            "recipient_id": people.recipients["recipient_id"].to_numpy()[who],
            "item": pd.array(catalogue.names[shelf, item], dtype="str"),
            "category": pd.array(np.array(CATEGORIES, dtype=object)[shelf], dtype="str"),
            "quantity": quantity,
            "amount": np.round(quantity * catalogue.prices[shelf, item], 2),
            "currency": "EUR",
            "occurred_at": _moments(rng, len(who), since, until),
        }
    )
    return _since_they_joined(purchases, people, who)


def _visits(rng: np.random.Generator, people: People, per_week: float, span: timedelta) -> npt.NDArray[np.int64]:
    """Rows of `people`, each as often as that person comes; some come much more often than others."""
    mean = per_week * (span / timedelta(weeks=1)) * np.exp(0.5 * people.keenness) * rng.gamma(1.2, 1 / 1.2, len(people))
    return np.repeat(np.arange(len(people)), rng.poisson(mean))


def _to_taste(rng: np.random.Generator, people: People, who: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A category per visit, drawn from the visitor's tastes, with every seventh visit to anything."""
    tastes = 0.85 * people.tastes[who] + 0.15 / len(CATEGORIES)
    drawn = (rng.random(len(who))[:, None] > tastes.cumsum(axis=1)).sum(axis=1)
    return np.asarray(np.minimum(drawn, len(CATEGORIES) - 1), dtype=np.int64)


def _mostly_their_own(rng: np.random.Generator, people: People, who: npt.NDArray[np.int64]) -> "pd.api.extensions.ExtensionArray":
    own = rng.choice(len(_DEVICES), len(people), p=_DEVICE_SHARES)[who]
    other = rng.choice(len(_DEVICES), len(who), p=_DEVICE_SHARES)
    return pd.array(np.array(_DEVICES, dtype=object)[np.where(rng.random(len(who)) < 0.8, own, other)], dtype="str")  # noqa: PLR2004


def _since_they_joined(frame: pd.DataFrame, people: People, who: npt.NDArray[np.int64]) -> pd.DataFrame:
    """The rows that lie after the person became known to the shop."""
    return frame[frame["occurred_at"].to_numpy() >= people.recipients["created_at"].to_numpy()[who]]


def _moments(rng: np.random.Generator, n: int, since: datetime, until: datetime) -> pd.DatetimeIndex:
    seconds = rng.integers(0, int((until - since).total_seconds()), n)
    return (pd.Timestamp(since) + pd.to_timedelta(seconds, unit="s")).as_unit("us")
