"""A small world for lift reports: weekly sends to people of whom one in five is held out, and what they do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from domain.campaign import Holdout
from domain.ids import CampaignId, SendId
from experiments.lift_report import Asked
from experiments.lift_sources import Mailing, Period, Sources

AT = datetime(2026, 3, 3, 9, tzinfo=UTC)
WEEKLY = CampaignId("weekly")
HOLDOUT = Holdout(share=0.2)
INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class World:
    """The frames behind the sources."""

    audience: pd.DataFrame  # send_id, at, recipient_id, arm
    purchases: pd.DataFrame
    clicks: pd.DataFrame
    setbacks: pd.DataFrame

    @property
    def sources(self) -> Sources:
        """As a report takes them."""
        mailings = []
        for (send_id, at), part in self.audience.groupby(["send_id", "at"]):
            clicks = self.clicks[self.clicks["send_id"] == send_id].assign(kind="click")[["recipient_id", "kind", "occurred_at"]]
            audience = pa.Table.from_pandas(part[["recipient_id", "arm"]], preserve_index=False)
            mailings.append(Mailing(SendId(str(send_id)), WEEKLY, at.to_pydatetime(), timedelta(days=7), audience, _clicks(clicks)))
        return Sources(mailings, _purchased(self.purchases), _setbacks(self.setbacks))


def asked(weeks: int, *, since: datetime = AT, holdout: Holdout = HOLDOUT, worth: float = 0.05) -> Asked:
    """So many whole weeks, all of it in by now."""
    return Asked((WEEKLY,), holdout, Period(since, weeks), AT + timedelta(days=400), AT + timedelta(days=397), worth)


def world(seed: int, people: int, weeks: int, *, factor: float = 1.0, harm: float = 1.0) -> World:
    """`factor`: on what the personalised buy and click; `harm`: on how many of them unsubscribe. The unsubscribed get no more letters."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"r{k}" for k in range(people)])
    held, joins = rng.random(people) < HOLDOUT.share, rng.integers(0, weeks, people) * (rng.random(people) < 0.3)
    taste = rng.gamma(1.0, 1.0, people)
    times = np.where(held, 1.0, factor)
    left = np.where(rng.random(people) < 0.05 * np.where(held, 1.0, harm), rng.integers(0, weeks, people), weeks)
    audience, clicks, gone = [], [], []
    for week in range(weeks):
        at, send_id = pd.Timestamp(AT + timedelta(days=7 * week)), f"weekly-{week}"
        got = (joins <= week) & (left >= week)
        arms = np.where(held, "holdout", np.where(rng.random(people) < 0.1, "explore", "incumbent"))
        audience.append(pd.DataFrame({"send_id": send_id, "at": at, "recipient_id": ids[got], "arm": arms[got]}))
        clicked = got & (rng.random(people) < np.minimum(0.2 * taste * times, 0.9))
        once = pd.DataFrame({"send_id": send_id, "recipient_id": ids[clicked], "occurred_at": at + pd.Timedelta(hours=3)})
        clicks += [once, once]  # two decisions, one click on each: it is still one letter with a click
        leaving = got & (left == week)
        gone.append(pd.DataFrame({"send_id": send_id, "recipient_id": ids[leaving], "kind": "unsubscribed", "occurred_at": at}))
    return World(pd.concat(audience), _purchases(rng, ids, taste, times, weeks), pd.concat(clicks), pd.concat(gone))


def _purchases(rng: np.random.Generator, ids: np.ndarray, taste: np.ndarray, times: np.ndarray, weeks: int) -> pd.DataFrame:
    """From thirteen weeks before the first send on; what letters do to them begins with it."""
    frames = []
    for week in range(-13, weeks):
        bought = rng.random(len(ids)) < np.minimum(0.15 * taste * (times if week >= 0 else 1.0), 0.9)
        at = pd.Timestamp(AT + timedelta(days=7 * week)) + pd.to_timedelta(rng.random(int(bought.sum())) * 7 * 86_400, unit="s")
        amount = np.round(rng.gamma(2.0, 20.0, int(bought.sum())), 2)
        frames.append(pd.DataFrame({"recipient_id": ids[bought], "currency": "EUR", "amount": amount, "occurred_at": at.floor("us")}))
    return pd.concat(frames, ignore_index=True)


def _clicks(frame: pd.DataFrame) -> pa.Table:
    schema = pa.schema([("recipient_id", pa.string()), ("kind", pa.string()), ("occurred_at", INSTANT)])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


def _purchased(frame: pd.DataFrame) -> pa.Table:
    schema = pa.schema([("recipient_id", pa.string()), ("currency", pa.string()), ("amount", pa.float64()), ("occurred_at", INSTANT)])
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


def _setbacks(frame: pd.DataFrame) -> pa.Table:
    schema = pa.schema([*((name, pa.string()) for name in ("send_id", "recipient_id", "kind")), ("occurred_at", INSTANT)])
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
