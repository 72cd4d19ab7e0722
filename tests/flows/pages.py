"""A campaign on pages for tests of refreshes: two placements, and people who were active at known times."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from delivery.published_files import published_variants, version_of
from domain.decision import SEEN_ON_PAGE
from domain.ids import PlacementId, RecipientId, SendId, decision_id_of
from domain.publication import Publication, PublicationState
from flows.plan_send import checked_content
from runtime.house import House
from tests.flows.conftest import write
from web.segment import read_request

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

CAMPAIGN = """\
title: The shop's pages
audience: country <> 'FR'
holdout: {share: 0.2, salt: shared}
placements:
  home_hero: {kind: web}
  home_shelf: {kind: web, positions: 2}
"""
FRAGMENT = "---\ncategory: {category}\n{more}\n---\n<p>{name}</p>\n"
HEROES = {"default": ("home", "default: true"), "spring": ("garden", ""), "books": ("books", "where: country = 'DE'")}
SHELVES = {"default": ("home", "default: 1"), "tools": ("garden", "default: 2"), "novels": ("books", ""), "seeds": ("garden", "")}


def write_pages(folder: Path, refresh: str = "", more: str = "") -> Path:
    """The folder of campaign `web`, with these lines under `refresh:` and at its end."""
    write(folder / "campaign.yaml", CAMPAIGN + (f"refresh: {{{refresh}}}\n" if refresh else "") + more)
    for name, variants in (("home_hero", HEROES), ("home_shelf", SHELVES)):
        for variant, (category, extra) in variants.items():
            write(folder / name / f"{variant}.html", FRAGMENT.format(category=category, more=extra, name=variant))
    return folder


def published(house: House, at: datetime, *, but: Collection[str] = ()) -> None:
    """Every variant of campaign `web` as it is written now was seen through the CDN; these were not."""
    content = checked_content(house, "web")
    steps = (
        Publication(one.placement, one.variant, version_of(one), "https://cdn.example", PublicationState.PUBLISHED, at)
        for one in published_variants(content)
        if one.variant not in but
    )
    house.publications.step(*steps)


def seen_active(house: House, days_ago: dict[str, float], at: datetime) -> None:
    """A page view of each of these recipients, so many days before an instant, in the lake as an import brings it."""
    when = pd.to_datetime([at - timedelta(days=days) for days in days_ago.values()], utc=True)
    frame = pd.DataFrame({"event_id": [f"e-{who}" for who in days_ago], "kind": "page_viewed", "recipient_id": list(days_ago)})
    frame = frame.assign(occurred_at=when, received_at=when, source="shop", properties="{}")
    house.lake.write("events", frame, partition={"source": "shop"}, name="views")


def told(
    house: House, event: str, who: str, placement: str, at: datetime, *, decision: str | None = None, agent: str = BROWSER, **more: object
) -> None:
    """What the page of a recipient tells: `Placement Viewed` or `Placement Clicked`, of the decision that is published for them."""
    position = int(str(more.get("position", 1)))
    if decision is None:
        held = house.decisions.get(RecipientId(who), PlacementId(placement), at, ())
        decision = decision_id_of(held.send_id or SendId(""), RecipientId(who), PlacementId(placement), position)
    call = {
        "type": "track",
        "event": event,
        "userId": who,
        "messageId": f"{event}-{who}-{placement}-{position}-{at.isoformat()}-{agent}",
        "context": {"userAgent": agent},
        "properties": {"placement": placement, "position": position, "decision_id": decision} | more,
        "timestamp": at.isoformat(),
    }
    house.site_events.append(read_request(call, source="shop", received_at=at).events)


def seen_history(house: House, people: int, days: int, until: datetime) -> None:
    """A log of what people saw: every day a hero and two of the shelf, drawn uniformly; who lives in Germany clicks books, the others
    what is of the garden. As attribution keeps it, with outcomes."""
    rng, decisions, clicks = np.random.default_rng(7), list[dict[str, object]](), list[dict[str, object]]()
    for day in range(days):
        at = until - timedelta(days=days - day)
        send = SendId(f"web-{at:%Y%m%dT%H%M%SZ}")
        for number in (one for one in range(people) if one % 5):
            german = number % 5 == 1
            heroes = list(HEROES) if german else ["default", "spring"]
            shelf = rng.permutation(list(SHELVES))[:2]
            for placement, position, variant, of in (
                ("web.home_hero", 1, str(rng.choice(heroes)), len(heroes)),
                ("web.home_shelf", 1, str(shelf[0]), 4),
                ("web.home_shelf", 2, str(shelf[1]), 4),
            ):
                category = (HEROES if placement == "web.home_hero" else SHELVES)[variant][0]
                who = RecipientId(f"r{number}")
                decision = decision_id_of(send, who, PlacementId(placement), position)
                row = {"decision_id": decision, "recipient_id": who, "received_at": at}
                more = {"placement": placement, "position": position, "variant": variant, "category": category, "propensity": 1 / of}
                prefix = {"prefix_propensity": 1 / of if position == 1 else 1 / 12, "candidates": of}
                decisions.append(row | more | prefix | {"send_id": send, "decided_at": at, "content_version": "v"})
                if rng.random() < (0.5 if category == ("books" if german else "garden") else 0.04):
                    clicks.append(row | {"occurred_at": at + timedelta(minutes=1)})
    kept = pd.DataFrame(decisions).assign(arm="incumbent", source=SEEN_ON_PAGE)
    outcomes = pd.DataFrame(clicks).assign(kind="click", source="letterpress", value=float("nan"), currency=None)
    house.lake.write("decisions", kept, partition={"send_id": "history"}, name="seen")
    house.lake.write("outcomes", outcomes, partition={"send_id": "history"}, name="clicks")


def visited(house: House, decisions: pd.DataFrame, at: datetime, rates: Mapping[str, float], seed: int) -> None:
    """Everybody of these decisions sees all of them at an instant. Who lives in Germany clicks a hero of books, the others one of the
    garden, at the rate of their arm; anything else hardly ever."""
    rng, batch = np.random.default_rng(seed), list[dict[str, object]]()
    for row in decisions.sort_values(["recipient_id", "placement", "position"]).to_dict("records"):
        who, placement, arm = str(row["recipient_id"]), str(row["placement"]), str(row["arm"])
        liked = row["category"] == ("books" if int(who[1:]) % 5 == 1 else "garden")
        clicks = placement == "web.home_hero" and rng.random() < (rates[arm] if liked else 0.02)
        for event in ("Placement Viewed", *(["Placement Clicked"] if clicks else [])):
            named = {"placement": placement, "position": int(row["position"]), "decision_id": row["decision_id"]}
            key, told_at = f"{event}-{row['decision_id']}", {"context": {"userAgent": BROWSER}, "timestamp": at.isoformat()}
            batch.append({"type": "track", "event": event, "userId": who, "messageId": key, "properties": named, **told_at})
    for start in range(0, len(batch), 2_000):
        read = read_request({"batch": batch[start : start + 2_000]}, source="shop", received_at=at)
        assert not read.refused
        house.site_events.append(read.events)
