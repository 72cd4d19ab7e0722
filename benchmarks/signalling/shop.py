"""A shop with a past: everybody likes one kind of thing, and now and then searches for another, which they then want more.

The past is written into the lake as imports write it: placements of pages decided at random, what was searched for minutes before, and
what was clicked. A model is trained on it by the usual way, and a refresh is made without Prefect: the same functions, one by one.
"""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from delivery.published_files import published_variants, version_of
from domain.content import Content
from domain.ids import PlacementId, RecipientId, SendId, decision_id_of, imported_id_of
from domain.publication import Publication, PublicationState
from domain.recipient import normalised
from domain.send import Send, SendStatus
from flows.compute_shard_features import compute_shard_features
from flows.decide_shards import decide_shards
from flows.freeze_audience import freeze_audience
from flows.plan_send import checked_content, planned_send
from flows.select_audience import selected
from flows.train_model import Manner, train_model
from runtime.house import House

CATEGORIES = ("boots", "coats", "hats", "socks")
CAMPAIGN, HERO = "web", PlacementId("web.home_hero")
SEARCHED = {"boots": "winter boots", "coats": "rain coats", "hats": "hat for the sun", "socks": "woollen socks"}

_CAMPAIGN = """\
title: The shop's pages
audience: consent
holdout: {share: 0.1, salt: shop}
policy: {temperature: 0.05, explore: 0.05}
placements:
  home_hero: {kind: web}
"""
_FRAGMENT = "---\ncategory: {category}\n{more}---\n<p>Look at our {name}</p>\n"
_WEEKS, _SEARCHING = 6, 0.5  # of the past; share of its visits that began with a search
_RATES = {"searched": 0.55, "liked": 0.3, "liked_less": 0.08, "other": 0.03}


def write_campaign(folder: Path) -> None:
    """The campaign's folder: one placement, one variant for each category and the default."""
    (folder / "home_hero").mkdir(parents=True, exist_ok=True)
    (folder / "campaign.yaml").write_text(_CAMPAIGN)
    variants = {"default": ("home", "default: true\n"), **{name: (name, "") for name in CATEGORIES}}
    for name, (category, more) in variants.items():
        (folder / "home_hero" / f"{name}.html").write_text(_FRAGMENT.format(category=category, more=more, name=name))


def liked_by(number: int) -> str:
    """What the recipient of this number likes."""
    return CATEGORIES[number % len(CATEGORIES)]


def furnish(house: House, recipients: int, at: datetime, *, seed: int = 1) -> Send:
    """People, their past, a model of it, published variants and a finished refresh as of `at`."""
    write_campaign(house.settings.campaigns_folder / CAMPAIGN)
    house.recipients.upsert(pd.DataFrame([_recipient(number, at) for number in range(recipients)]), at)
    _write_past(house, min(recipients, 3_000), at, seed)
    content = checked_content(house, CAMPAIGN)
    train_model(house, content, at, manner=Manner(anyway=True))
    publish(house, content, at - timedelta(days=1))
    return refresh(house, content, at)


def publish(house: House, content: Content, at: datetime) -> None:
    """Every variant counts as seen at the CDN's other end."""
    steps = [
        Publication(one.placement, one.variant, version_of(one), f"/content/{one.variant}.json", PublicationState.PUBLISHED, at)
        for one in published_variants(content)
    ]
    house.publications.step(*steps)


def refresh(house: House, content: Content, at: datetime) -> Send:
    """A refresh for everybody, finished."""
    house.contents.save(content, at)
    send = house.sends.open(planned_send(house, content, at.replace(microsecond=0), at), at)
    house.sends.set_status(send.send_id, SendStatus.RUNNING, None, at)
    for shard in range(send.shards):
        audience, counts = selected(house, send, content.campaign, shard)
        freeze_audience(house, send, content.campaign, shard, audience=audience, counts=counts)
    shards = list(range(send.shards))
    compute_shard_features.fn(send.send_id, shards)
    decide_shards.fn(send.send_id, shards)
    house.sends.set_status(send.send_id, SendStatus.FINISHED, None, at)
    return house.send(send.send_id)


def _recipient(number: int, at: datetime) -> dict[str, object]:
    address = f"r{number}@mail.example"
    return {
        "recipient_id": f"r{number}",
        "address": address,
        "address_normalised": normalised(address),
        "time_zone": "Europe/Berlin",
        "locale": "en",
        "consent": True,
        "created_at": pd.Timestamp(at - timedelta(days=400)),
        "attributes": "{}",
    }


def _write_past(house: House, recipients: int, at: datetime, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [_week(rng, recipients, at - timedelta(days=7 * week + 2), week) for week in range(_WEEKS, 0, -1)]
    decisions, clicks, searches = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    events = pd.concat([searches, _views(rng, recipients, at)], ignore_index=True)
    for table, frame in (("decisions", decisions), ("outcomes", clicks), ("events", events)):
        house.lake.write(table, frame, partition={"source": "shop"}, name="past")


def _week(rng: np.random.Generator, recipients: int, at: datetime, week: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """One visit of everybody: what was decided, clicked, and searched for just before."""
    ids = np.array([f"r{number}" for number in range(recipients)], dtype=object)
    names = np.array([*CATEGORIES, "home"], dtype=object)
    shown, likes = rng.integers(0, len(names), recipients), np.arange(recipients) % len(CATEGORIES)
    wanted = np.where(rng.random(recipients) < _SEARCHING, rng.integers(0, len(CATEGORIES), recipients), -1)
    moments = pd.Timestamp(at) + pd.to_timedelta(rng.integers(0, 36_000, recipients), unit="s")
    send = SendId(f"past-{week}")
    decisions = pd.DataFrame(
        {
            "decision_id": [decision_id_of(send, RecipientId(who), HERO, 1) for who in ids],
            "send_id": send,
            "recipient_id": ids,
            "placement": HERO,
            "position": np.int16(1),
            "variant": np.where(names[shown] == "home", "default", names[shown]),
            "category": names[shown],
            "arm": "explore",
            "propensity": 1 / len(names),
            "prefix_propensity": 1 / len(names),
            "candidates": np.int16(len(names)),
            "decided_at": moments,
            "received_at": moments,
            "source": "shop",
        }
    )
    clicked = rng.random(recipients) < _rates(shown, likes, wanted)
    clicks = decisions.loc[clicked, ["decision_id", "recipient_id"]].assign(kind="click", source="shop")
    clicks = clicks.assign(occurred_at=moments[clicked] + pd.Timedelta(seconds=20), received_at=moments[clicked] + pd.Timedelta(seconds=20))
    return decisions, clicks, _searches(ids[wanted >= 0], wanted[wanted >= 0], moments[wanted >= 0], week)


def _rates(shown: npt.NDArray[np.int64], likes: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Who has searched wants that most, and what they usually like hardly more than anything else."""
    of_taste = np.where(shown == likes, np.where(wanted >= 0, _RATES["liked_less"], _RATES["liked"]), _RATES["other"])
    return np.where((wanted >= 0) & (shown == wanted), _RATES["searched"], of_taste)


def _searches(ids: npt.NDArray[np.object_], wanted: npt.NDArray[np.int64], moments: pd.DatetimeIndex, week: int) -> pd.DataFrame:
    """A search two minutes before each visit, and a look at something of it one minute later."""
    properties = [orjson.dumps({"query": SEARCHED[CATEGORIES[want]]}).decode() for want in wanted]
    common = {"recipient_id": ids, "source": "shop", "channel": "direct"}
    search = pd.DataFrame({**common, "kind": "searched", "properties": properties, "occurred_at": moments - pd.Timedelta(minutes=2)})
    look = pd.DataFrame({**common, "kind": "page_viewed", "properties": "{}", "occurred_at": moments - pd.Timedelta(minutes=1)})
    look = look.assign(category=np.array(CATEGORIES, dtype=object)[wanted])
    both = pd.concat([search, look], ignore_index=True)
    return both.assign(
        received_at=both["occurred_at"], event_id=[imported_id_of("event", "shop", f"{week}-{number}") for number in range(len(both))]
    )


def _views(rng: np.random.Generator, recipients: int, at: datetime) -> pd.DataFrame:
    """What they look at otherwise: mostly what they like."""
    who = rng.integers(0, recipients, recipients * 12)
    category = np.where(rng.random(len(who)) < 0.85, who % len(CATEGORIES), rng.integers(0, len(CATEGORIES), len(who)))
    moments = pd.Timestamp(at) - pd.to_timedelta(rng.integers(86_400, 60 * 86_400, len(who)), unit="s")
    return pd.DataFrame(
        {
            "event_id": [imported_id_of("event", "shop", f"view-{number}") for number in range(len(who))],
            "kind": "page_viewed",
            "recipient_id": np.array([f"r{number}" for number in who], dtype=object),
            "category": np.array(CATEGORIES, dtype=object)[category],
            "item": np.array([f"{CATEGORIES[k]}-{number % 7}" for number, k in enumerate(category)], dtype=object),
            "occurred_at": moments,
            "received_at": moments,
            "source": "shop",
            "channel": "direct",
            "properties": "{}",
        }
    )
