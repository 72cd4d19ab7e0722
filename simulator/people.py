"""The people: what can be seen of them (attributes) and what cannot (tastes, and how keen they are to open mail)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from simulator.names import GIVEN, ODD

CATEGORIES = ("garden", "kitchen", "books", "outdoor", "home", "kids")
_POPULARITY = np.array([0.22, 0.25, 0.22, 0.19, 0.30, 0.16])  # concentrations of the Dirichlet: few tastes per person, home the commonest

_COUNTRIES = ("DE", "FR", "GB", "US", "NL")
_COUNTRY_SHARES = (0.32, 0.2, 0.2, 0.18, 0.1)
_LOCALES = {"DE": "de", "FR": "fr", "GB": "en-GB", "US": "en-US", "NL": "nl"}
_ZONES = {"DE": "Europe/Berlin", "FR": "Europe/Paris", "GB": "Europe/London", "NL": "Europe/Amsterdam"}
_US_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
_MAILBOXES = ("post.example", "mailbox.example", "brief.example", "inbox.example")
_FAVOURITE_KNOWN, _FAVOURITE_TRUE = 0.85, 0.75  # a form filled in years ago: often missing, and not always right
_ODD_NAMES, _NO_NAME = 0.004, 0.02
CONSENT = 0.97

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class People:
    """n people. `recipients`: recipient_id, address, time_zone, locale, consent, created_at and the attributes.

    Truth, not for the shop's eyes: `tastes` float32[n, categories] sum to 1; `keenness` float32[n], in logits of opening.
    """

    recipients: pd.DataFrame
    tastes: Floats
    keenness: Floats

    def __len__(self) -> int:
        return len(self.recipients)

    @property
    def countries(self) -> npt.NDArray[np.int64]:
        """The index of each one's country: int64[n]."""
        return np.searchsorted(sorted(_COUNTRIES), self.recipients["country"].to_numpy(dtype="U2"))

    @property
    def wealth(self) -> Floats:
        """Spending on a logarithmic scale, about 0 ± 1: float32[n]."""
        spend: npt.NDArray[np.float64] = self.recipients["spend"].to_numpy(dtype=np.float64)
        return ((np.log1p(spend) - 4.0) / 2.0).astype(np.float32)

    def take(self, rows: npt.NDArray[np.intp]) -> "People":
        """The people in these rows."""
        return People(self.recipients.iloc[rows].reset_index(drop=True), self.tastes[rows], self.keenness[rows])


def draw_people(n: int, seed: int, until: datetime) -> People:
    """n people who joined in the three years before `until`, most of them before the last quarter of a year."""
    rng = np.random.default_rng([seed, 1])
    tastes = rng.dirichlet(_POPULARITY, n).astype(np.float32)
    keenness = rng.normal(0.0, 0.7, n).astype(np.float32)
    country = rng.choice(_COUNTRIES, n, p=_COUNTRY_SHARES)
    name = _names(rng, country)
    orders = rng.poisson(np.exp(rng.normal(0.8, 0.8, n)))
    spend = np.round(orders * rng.gamma(3.0, 14.0, n), 2)
    recipients = pd.DataFrame(
        {
            "recipient_id": [f"r{number:07d}" for number in range(1, n + 1)],
            "address": _addresses(rng, n),
            "time_zone": _zones(rng, country),
            "locale": pd.Series(country).map(_LOCALES).astype("str"),
            "consent": rng.random(n) < CONSENT,
            "created_at": _joined(rng, n, until),
            "first_name": name,
            "country": pd.array(country, dtype="str"),
            "favourite": _favourites(rng, tastes),
            "orders": orders,
            "spend": spend,
            "tier": pd.array(np.select([spend > 400, spend > 120], ["gold", "silver"], "none"), dtype="str"),  # noqa: PLR2004 - euros
        }
    )
    return People(recipients, tastes, keenness)


def _names(rng: np.random.Generator, country: npt.NDArray[np.str_]) -> Any:
    """Given names of the country; a few odd ones, a few missing."""
    names = np.empty(len(country), dtype=object)
    for code, given in GIVEN.items():
        here = country == code
        names[here] = rng.choice(np.array(given, dtype=object), int(here.sum()))
    odd = rng.random(len(country)) < _ODD_NAMES
    names[odd] = rng.choice(np.array(ODD, dtype=object), int(odd.sum()))
    names[rng.random(len(country)) < _NO_NAME] = None
    return pd.array(names, dtype="str")


def _addresses(rng: np.random.Generator, n: int) -> list[str]:
    domains = rng.integers(0, len(_MAILBOXES), n)
    return [f"person{number}@{_MAILBOXES[domain]}" for number, domain in enumerate(domains, start=1)]


def _zones(rng: np.random.Generator, country: npt.NDArray[np.str_]) -> Any:
    zones = pd.Series(country).map(_ZONES)
    american = pd.Series(rng.choice(_US_ZONES, len(country), p=(0.45, 0.28, 0.07, 0.2)))
    return zones.fillna(american).astype("str")


def _joined(rng: np.random.Generator, n: int, until: datetime) -> Any:
    days_ago = 20 + rng.gamma(1.5, 250.0, n).clip(0, 1_000)
    return (pd.Timestamp(until) - pd.to_timedelta(days_ago * 86_400, unit="s")).floor("s").as_unit("us")


def _favourites(rng: np.random.Generator, tastes: Floats) -> Any:
    """What they once said they like best: missing, true, or anything."""
    n = len(tastes)
    said = np.where(rng.random(n) < _FAVOURITE_TRUE, tastes.argmax(axis=1), rng.integers(0, len(CATEGORIES), n))
    names = np.array(CATEGORIES, dtype=object)[said]
    names[rng.random(n) >= _FAVOURITE_KNOWN] = None
    return pd.array(names, dtype="str")


def first_send(until: datetime, weeks: int) -> datetime:
    """When the first of `weeks` weekly letters went out: the last one is three days old at `until`."""
    return until - timedelta(days=3) - timedelta(weeks=weeks - 1)
