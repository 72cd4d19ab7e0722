"""The acts of a weekly letter's story: its flows as they run one after the other, and what people do in between."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

from benchmarks.own_process import ROOT
from domain.event import EventKind, ReceivedEvent
from domain.ids import DecisionId, RecipientId, event_id_of, message_id_of
from domain.rollout import Verdict
from domain.send import Send
from flows.advance_rollout import advance_rollout
from flows.attribute_outcomes import attribute_outcomes
from flows.begin_rollout import begin_rollout
from flows.check_variants import check_variants
from flows.collect_feedback import collect_feedback
from flows.expire_raw import expire_raw
from flows.plan_send import checked_content
from flows.retrain_ranker import retrain_ranker
from flows.score_machines import score_machines
from flows.send_campaign import send_campaign
from flows.steer_rollout import steer_rollout
from flows.train_model import train_model
from letterpress.demo import CAMPAIGN, Demo
from runtime.clock import now
from runtime.house import House, shared_house

BEGAN = datetime(2026, 11, 23, 9, tzinfo=UTC)
_DAY = timedelta(days=1)
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SAID = """
attribution: {click_days: 2}
rollout: {stages: [0.4, 1], stage_days: 0, looks: 1, planned_sends: 2, margin: 0.5, shadow_hours: 24, shadow_share: 0.5}
variant_health: {days: 28, minimum: 10, retire: true}
"""
_AS_EVER: Mapping[str, float] = {"incumbent": 0.05, "explore": 0.04, "holdout": 0.03, "candidate": 0.05}
_A_BAD_CANDIDATE: Mapping[str, float] = {"incumbent": 0.5, "explore": 0.5, "holdout": 0.5, "candidate": 0.1}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens at an instant. `flow`: it is one of the house's, and is to bear being killed."""

    name: str
    day: float
    do: Callable[[], object]
    flow: bool = True

    @property
    def at(self) -> datetime:
        """When it happens."""
        return BEGAN + self.day * _DAY


def furnish(home: Path) -> None:
    """Put the starter campaign there, rolled out quickly."""
    shutil.copytree(ROOT / "templates" / CAMPAIGN, home / "templates" / CAMPAIGN)
    written = home / "templates" / CAMPAIGN / "campaign.yaml"
    written.write_text(written.read_text() + _SAID)


def open_shop() -> None:
    """The simulated shop's people and past, and a first model."""
    demo = Demo(shared_house(), shared_house().settings.var / "demo", recipients=int(os.environ["SHOP_RECIPIENTS"]), weeks=4, seed=3)
    demo.shop()
    demo.imported()
    demo.train()


def send() -> None:
    """A send, at the present instant."""
    send_campaign(CAMPAIGN, now())


def answers(rates: Mapping[str, float] = _AS_EVER) -> None:
    """People click the hero of the latest send an hour after it, each arm with its own chance; one in fifty leaves."""
    house = shared_house()
    latest = house.sends.list(CAMPAIGN)[0]
    house.events.append(_events(house, latest, rates))


def _events(house: House, of: Send, rates: Mapping[str, float]) -> list[ReceivedEvent]:
    decisions = house.lake.read("decisions", {"send_id": of.send_id})
    first: pd.DataFrame = decisions[(decisions["placement"] == f"{CAMPAIGN}.hero") & (decisions["position"] == 1)]
    first, rng, found = first.sort_values("recipient_id"), np.random.default_rng(1), []
    raw = orjson.dumps({"link_id": "a", "position": 1, "method": "GET", "user_agent": _BROWSER, "network": None, "purpose": None})
    for who, decision, arm, clicks, leaves in zip(
        first["recipient_id"],
        first["decision_id"],
        first["arm"],
        rng.random(len(first)).tolist(),
        rng.random(len(first)).tolist(),
        strict=True,
    ):
        kinds = [EventKind.CLICKED] * (clicks < rates[arm]) + [EventKind.UNSUBSCRIBED] * (leaves < 0.02)
        for kind in kinds:
            at = of.scheduled_at + timedelta(hours=1 if kind is EventKind.CLICKED else 2)
            key, message = event_id_of("web", f"{of.send_id}|{who}|{kind}"), message_id_of(of.send_id, RecipientId(who))
            named = DecisionId(decision) if kind is EventKind.CLICKED else None
            found.append(ReceivedEvent(key, "web", kind, RecipientId(who), message, named, at, at, raw.decode(), of.send_id))
    return found


def see_that_a_rollout_goes_on() -> None:
    """Whether or not retraining found a better model here: one that learned from fewer people is rolled out from now on."""
    house = shared_house()
    if house.rollouts.current(CAMPAIGN):
        return
    content = checked_content(house, CAMPAIGN)
    found = train_model(house, content, now(), where="bucket < 50000", candidate=True)
    begin_rollout(house, content.campaign, found.model.model_version, now())


def serve_the_candidate() -> None:
    """Whatever was seen in the shadow: it decides for the first stage."""
    rollout = shared_house().rollouts.current(CAMPAIGN)
    if rollout is not None and rollout.stage is None:
        steer_rollout(shared_house(), CAMPAIGN, Verdict.ADVANCE, now(), who="benchmark", why="the story goes on")


STORY = (
    Act("open shop", 0, open_shop, flow=False),
    Act("first send", 0, send, flow=False),
    Act("answers to it", 0.5, answers, flow=False),
    Act("score machines", 1, score_machines),
    Act("attribute outcomes", 1.1, attribute_outcomes),
    Act("retrain ranker", 1.2, lambda: retrain_ranker(CAMPAIGN)),
    Act("collect feedback", 2, collect_feedback),
    Act("see that a rollout goes on", 2.1, see_that_a_rollout_goes_on, flow=False),
    Act("second send", 7, send, flow=False),
    Act("answers to that", 7.5, answers, flow=False),
    Act("shadow", 9, advance_rollout),
    Act("serve the candidate", 9.1, serve_the_candidate, flow=False),
    Act("third send, of two models", 14, send, flow=False),
    Act("answers to that one", 14.5, lambda: answers(_A_BAD_CANDIDATE), flow=False),
    Act("roll back", 17, advance_rollout),
    Act("check variants", 18, lambda: check_variants(CAMPAIGN)),
    Act("expire raw payloads", 130, expire_raw),
)
"""Report lift and watch diversity write nothing but pages of Prefect's."""


def act(name: str) -> Act:
    """An act by its name."""
    return next(one for one in STORY if one.name == name)
