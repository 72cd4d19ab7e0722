"""Rollouts with real parts: two models in one send, evidence from what came back, steps forward and back."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pytest
from typer.testing import CliRunner

from domain.audit import Deed
from domain.decision import Arm
from domain.errors import UnavailableError
from domain.event import EventKind, ReceivedEvent
from domain.ids import CampaignId, DecisionId, ModelVersion, RecipientId, event_id_of, message_id_of
from domain.message import MessageStatus
from domain.model import ModelState
from domain.rollout import Rollout, RolloutState, Verdict
from domain.send import Send, SendStatus
from flows.advance_rollout import advance_rollout
from flows.begin_rollout import begin_rollout
from flows.compute_shard_features import CANDIDATE_FEATURES
from flows.plan_send import checked_content
from flows.report_send import report_on
from flows.retrain_ranker import retrain_ranker
from flows.return_to_incumbent import REPUBLISHED
from flows.send_campaign import resume_send, send_campaign
from flows.steer_rollout import steer_rollout
from flows.train_model import train_model
from letterpress.demo import Demo
from letterpress.explanation import explain
from letterpress.feature_check import check_features
from letterpress.main import app
from runtime import clock
from runtime import house as houses
from runtime.house import House
from simulator.clock import SteeredClock
from storage.decision_store import DecisionStore
from storage.lake import Lake
from storage.ledger import SqlLedger
from storage.models import ModelFiles

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect", "soon")]

WEEKLY = CampaignId("weekly")
DAY = timedelta(days=1)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
on_sqlite = pytest.mark.parametrize("house", ["sqlite"], indirect=True)  # nothing of it depends on the database
SAID = """
attribution: {click_days: 2}
rollout: {stages: [0.3, 1], stage_days: 0, looks: 1, planned_sends: 2, shadow_hours: 24, shadow_share: 0.5, watch_hours: 48}
"""


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels close with their window, and everyone who is told has a mailbox."""
    monkeypatch.setenv("LETTERPRESS_LABELS_CLOSE_DAYS", "0")
    monkeypatch.setenv("LETTERPRESS_NOTIFY_EMAIL", "ops@fern.example")


@dataclass
class Shop:
    """A shop with two models, on a clock of its own."""

    house: House
    clock: SteeredClock
    at: datetime
    incumbent: ModelVersion
    candidate: ModelVersion

    def begun(self) -> Rollout:
        """The candidate in the shadow."""
        begin_rollout(self.house, checked_content(self.house, WEEKLY).campaign, self.candidate, clock.now())
        return self.rollout

    def served(self) -> Rollout:
        """The candidate at its first stage."""
        self.begun()
        return steer_rollout(self.house, WEEKLY, Verdict.ADVANCE, clock.now(), who="fern", why="seen enough")

    def send(self, days: float = 0) -> Send:
        """A send so many days after the first one."""
        self.clock.set(self.at + days * DAY)
        return self.house.send(send_campaign(WEEKLY, self.at + days * DAY))

    def look(self, days: float) -> Rollout:
        """A run of the flow, so many days after the first send."""
        self.clock.set(self.at + days * DAY)
        advance_rollout()
        return self.rollout

    @property
    def rollout(self) -> Rollout:
        """The candidate's rollout."""
        found = self.house.rollouts.get(WEEKLY, self.candidate)
        assert found
        return found


@dataclass
class Kept:
    """The invented shop and its two models, made once for all tests: the one that decides first."""

    folder: Path | None = None
    models: tuple[ModelFiles, ...] = ()


@pytest.fixture(scope="session")
def kept() -> Kept:
    """Nothing yet."""
    return Kept()


@pytest.fixture
def shop(house: House, campaign_folder: Path, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop of 1,400 people whose campaign asks for rollouts; an incumbent, and a candidate that learned from fewer people."""
    shutil.rmtree(campaign_folder)
    shutil.copytree(Path(__file__).parents[2] / "templates" / "weekly", campaign_folder)
    written = campaign_folder / "campaign.yaml"
    written.write_text(written.read_text() + SAID)
    monkeypatch.setenv("LETTERPRESS_SHARD_SIZE", "500")
    monkeypatch.setenv("LETTERPRESS_HANDOFF_BATCH", "50")
    houses.shared_house.cache_clear()
    house.database.dispose()
    house = houses.shared_house()
    demo = Demo(house, house.settings.var / "demo", recipients=1_400, weeks=3, seed=3)
    if kept.folder:
        shutil.copytree(kept.folder, demo.folder)
    at = demo.at()
    if not kept.folder:
        demo.shop()
    demo.imported()
    if not kept.models:
        kept.folder, kept.models = demo.folder, tuple(trained(demo, at))
    for model in kept.models:
        house.models.save(model.model_version, WEEKLY, model.files, model.row.card, trained_at=at, as_of=at)
    incumbent, candidate = (model.model_version for model in kept.models)
    house.models.set_state(incumbent, ModelState.INCUMBENT)
    steered = SteeredClock(at)
    with clock.running_on(steered):
        yield Shop(house, steered, at, incumbent, candidate)


def trained(demo: Demo, at: datetime) -> Iterator[ModelFiles]:
    """A model of everyone's decisions, and one of three quarters' of them."""
    for where in (None, "bucket < 50000"):
        found = train_model(demo.house, demo.content(), at, where=where, candidate=True)
        yield demo.house.models.load(found.model.model_version)


def decided(house: House, send: Send) -> pd.DataFrame:
    """The decisions of a send."""
    return house.lake.read("decisions", {"send_id": send.send_id})


def feed(house: House, send: Send, kind: EventKind, rates: dict[str, float], seed: int = 1) -> None:
    """Let a share of each arm click an hour after the send, or leave after two."""
    decisions, rng = decided(house, send), np.random.default_rng(seed)
    first = decisions[(decisions["placement"] == "weekly.hero") & (decisions["position"] == 1)].sort_values("recipient_id")
    at, events = send.scheduled_at + timedelta(hours=1 if kind is EventKind.CLICKED else 2), []
    for row in first.itertuples():
        if rng.random() < rates.get(str(row.arm), 0.0):
            who = RecipientId(str(row.recipient_id))
            raw = orjson.dumps({"link_id": "a", "position": 1, "method": "GET", "user_agent": BROWSER, "network": None, "purpose": None})
            key = event_id_of("web", f"{send.send_id}|{who}|{kind}")
            decision = DecisionId(str(row.decision_id)) if kind is EventKind.CLICKED else None
            message = message_id_of(send.send_id, who)
            events.append(ReceivedEvent(key, "web", kind, who, message, decision, at, at, raw.decode(), send.send_id))
    house.events.append(events)


def live(house: House, decisions: pd.DataFrame, at: datetime) -> bool:
    """Whether the decision store has these decisions for everyone."""
    for (who, placement), rows in decisions.groupby(["recipient_id", "placement"]):
        found = house.decisions.get(RecipientId(str(who)), str(placement), at, ())  # type: ignore[arg-type]
        if found.variants != tuple(rows.sort_values("position")["variant"]):
            return False
    return True


def test_two_models_decide_in_one_send_and_a_broken_one_is_taken_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each arm is its model's, features as served and reasons included; half the clicks roll it back by itself, in the decision store too.
    Killed on the way, the next run ends as the first would have; another one changes nothing."""
    house = shop.house
    shop.served()
    send = shop.send()
    assert (send.model_version, send.candidate_version, send.rollout_share) == (shop.incumbent, shop.candidate, 0.3)
    decisions = decided(house, send)
    arms = decisions.drop_duplicates("recipient_id").set_index("recipient_id")["arm"]
    assert set(arms) == set(Arm) and 0.2 < (arms == Arm.CANDIDATE).sum() / arms.isin([Arm.CANDIDATE, Arm.INCUMBENT]).sum() < 0.4
    versions = decisions.groupby("arm")["model_version"].unique()
    assert list(versions[Arm.CANDIDATE]) == [shop.candidate] and list(versions[Arm.INCUMBENT]) == [shop.incumbent]
    assert list(versions[Arm.HOLDOUT]) == [shop.incumbent] and set(versions[Arm.EXPLORE]) == {shop.candidate, shop.incumbent}
    assert decisions["propensity"].between(0, 1, inclusive="right").all()
    assert house.ledger.counts(send.send_id) == {(MessageStatus.ACCEPTED, None): len(arms)}
    checked = check_features(house, send, lambda _done, _of: None)
    assert checked.served_as_computed and checked.recipients == len(arms)
    theirs = str(arms.index[arms == Arm.CANDIDATE][0])
    why, letter = explain(house, send, theirs)
    assert letter and why.same_bytes and why.model_version == shop.candidate
    own = decisions[decisions["recipient_id"] == theirs].set_index(["placement", "variant"])
    assert all(
        one.score == pytest.approx(own.loc[(one.placement, one.variant), "score"], rel=1e-5) for one in why.candidates if one.position
    )
    report = report_on(house, send)
    assert {arm.arm for arm in report.arms} == set(Arm) and not report.sample_ratio.is_off

    feed(house, send, EventKind.CLICKED, {"incumbent": 0.6, "explore": 0.5, "holdout": 0.4, "candidate": 0.3})
    assert shop.look(1).state is RolloutState.RAMPING  # nothing has matured: nothing is looked at
    with monkeypatch.context() as patch:
        patch.setattr(DecisionStore, "replace", lambda *_args: (_ for _ in ()).throw(UnavailableError("killed")))
        with pytest.raises(UnavailableError, match="killed"):
            shop.look(3)
    assert (shop.rollout.state, shop.rollout.settled) == (RolloutState.ROLLED_BACK, False)
    back = shop.look(3.1)
    assert (back.state, back.settled) == (RolloutState.ROLLED_BACK, True) and "clicks" in str(back.reason)
    anew = house.lake.read(REPUBLISHED, {"send_id": send.send_id})
    by_candidate = decisions[decisions["model_version"] == shop.candidate]
    assert set(anew["recipient_id"]) == set(by_candidate["recipient_id"]) and set(anew["model_version"]) == {shop.incumbent}
    assert set(anew["arm"]) == {Arm.INCUMBENT, Arm.EXPLORE} and not anew["variant"].equals(by_candidate["variant"])
    assert live(house, anew, clock.now())
    assert live(house, decisions[decisions["model_version"] == shop.incumbent], clock.now())
    assert decided(house, send).equals(decisions)  # letters that are out stay what they were
    registered = house.models.get(shop.candidate)
    assert registered and registered.state is ModelState.REJECTED and house.models.incumbent(WEEKLY) == shop.incumbent
    assert shop.look(4) == back and len(house.rollouts.looks(back)) == 2
    assert [entry.what for entry in house.audit.of() if entry.send_id is None] == [
        Deed.ROLLOUT_BEGAN,
        Deed.ROLLOUT_ADVANCED,
        Deed.ROLLED_BACK,
    ]
    told = [path for path in (house.settings.var / "mailbox").rglob("*.eml") if b"To: ops@fern.example" in path.read_bytes()]
    assert len(told) == 2  # of the step by hand, and of the way back
    assert shop.send(7).candidate_version is None


@on_sqlite
def test_a_good_candidate_takes_over_stage_by_stage(shop: Shop) -> None:
    """Nobody changes back from the candidate as its share grows, the holdout stays as it was, and the control is kept to the end."""
    house = shop.house
    shop.served()
    first = shop.send()
    feed(house, first, EventKind.CLICKED, {"incumbent": 0.4, "candidate": 0.6})
    watched = shop.look(3)
    assert (watched.state, watched.stage) == (RolloutState.WATCHING, 1) and watched.share == pytest.approx(0.95)
    second = shop.send(7)
    feed(house, second, EventKind.CLICKED, {"incumbent": 0.4, "candidate": 0.6})
    before, after = (decided(house, send).drop_duplicates("recipient_id").set_index("recipient_id")["arm"] for send in (first, second))
    both = before.index.intersection(after.index)
    was, is_now = before[both] == Arm.CANDIDATE, after[both] == Arm.INCUMBENT
    assert was.any() and not (was & is_now).any()
    assert set(before[before == Arm.HOLDOUT].index) == set(after[after == Arm.HOLDOUT].index)
    assert 0.02 < (after == Arm.INCUMBENT).mean() < 0.08
    assert shop.look(8.9).state is RolloutState.WATCHING
    done = shop.look(10)
    assert (done.state, done.settled) == (RolloutState.PROMOTED, True)
    assert house.models.incumbent(WEEKLY) == shop.candidate
    retired = house.models.get(shop.incumbent)
    assert retired and retired.state is ModelState.RETIRED
    assert [look.verdict for look in house.rollouts.looks(done)][-1] is Verdict.ADVANCE
    third = shop.send(14)
    assert third.model_version == shop.candidate and third.candidate_version is None


@on_sqlite
def test_one_that_drives_people_away_is_taken_back_though_it_is_clicked(shop: Shop) -> None:
    """A guardrail goes before the goal: twice the unsubscribes, and more clicks, roll it back."""
    shop.served()
    send = shop.send()
    feed(shop.house, send, EventKind.CLICKED, {"incumbent": 0.4, "candidate": 0.6})
    feed(shop.house, send, EventKind.UNSUBSCRIBED, {"incumbent": 0.15, "candidate": 0.3}, seed=2)
    back = shop.look(3)
    assert back.state is RolloutState.ROLLED_BACK and "unsubscribes" in str(back.reason) and "clicks" not in str(back.reason)


@on_sqlite
def test_after_a_rollback_no_letter_is_claimed_that_the_candidate_decided(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that was stopped on its way goes on with the incumbent's decisions for everyone who has no letter yet; the others keep
    theirs, and every letter can be printed again byte for byte."""
    shop.served()
    house, claims = shop.house, SqlLedger.claim
    with monkeypatch.context() as patch:
        patch.setattr(SqlLedger, "claim", _rolling_back(shop, claims))
        send = shop.send()
    stopped = house.send(send.send_id)
    before, claimed = decided(house, send), set(_answered(house, send))
    assert stopped.status is SendStatus.PAUSED and "rolled back" in str(stopped.reason) and 0 < len(claimed) < 1_100
    assert (shop.rollout.state, shop.rollout.settled) == (RolloutState.ROLLED_BACK, False)
    assert shop.look(0.01).settled and house.send(send.send_id).status is SendStatus.PAUSED  # no deployment here that would resume it
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write", _killed_at(CANDIDATE_FEATURES, Lake.write))
        with pytest.raises(UnavailableError, match="killed"):
            resume_send(send.send_id)
    resume_send(send.send_id)
    assert house.send(send.send_id).status is SendStatus.FINISHED
    after = decided(house, send)
    by_candidate = set(after.loc[after["model_version"] == shop.candidate, "recipient_id"])
    assert by_candidate == set(before.loc[before["model_version"] == shop.candidate, "recipient_id"]) & claimed
    assert set(after.loc[after["arm"] == Arm.CANDIDATE, "recipient_id"]) <= claimed
    assert set(after["recipient_id"]) == set(before["recipient_id"]) == set(_answered(house, send))
    theirs = house.lake.read(CANDIDATE_FEATURES, {"send_id": send.send_id})
    assert set(theirs["recipient_id"]) == by_candidate
    assert check_features(house, send, lambda _done, _of: None).served_as_computed
    for who in [*sorted(by_candidate)[:3], *sorted(set(before.loc[before["arm"] == Arm.CANDIDATE, "recipient_id"]) - by_candidate)[:3]]:
        why, letter = explain(house, send, who)
        assert letter and why.same_bytes and why.model_version == (shop.candidate if who in by_candidate else shop.incumbent)


def _killed_at(table: str, write: object) -> object:
    """A lake that is gone when this table is to be written."""

    def writing(lake: Lake, what: str, *args: object, **options: object) -> object:
        if what == table:
            raise UnavailableError("killed")
        return write(lake, what, *args, **options)  # type: ignore[operator]

    return writing


def _rolling_back(shop: Shop, claim: object) -> object:
    """A ledger under which somebody takes the candidate back after the second batch."""
    taken: list[int] = []

    def claiming(ledger: SqlLedger, *args: object, **options: object) -> object:
        taken.append(1)
        if len(taken) == 3 and shop.rollout.state is RolloutState.RAMPING:
            # What a person's command does in its own process; this one's run is alive, so that it stays unsettled at first.
            steer_rollout(shop.house, WEEKLY, Verdict.ROLL_BACK, clock.now(), who="fern", why="looks wrong")
        return claim(ledger, *args, **options)  # type: ignore[operator]

    return claiming


def _answered(house: House, send: Send) -> list[str]:
    known = [RecipientId(who) for who in house.recipients.load()["recipient_id"]]
    return [who for who, status in house.ledger.statuses(send.send_id, known).items() if status is MessageStatus.ACCEPTED]


@on_sqlite
def test_the_shadow_serves_nothing_and_says_what_would_have_been(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retraining begins it. Beside a send the candidate decides for half of it, published nowhere; the report has agreement, value,
    correlation, shares, diversity and latency; too few clicks keep it in the shadow. Commands show, hold, advance, go back, and why."""
    house = shop.house
    shop.clock.set(shop.at + timedelta(hours=1))
    monkeypatch.setattr("ranking.evaluation.promotion._WORST_ECE", 1.0)  # of 1,400 people rates are known roughly
    shop.candidate = retrain_ranker("weekly")  # type: ignore[assignment]
    assert shop.rollout.state is RolloutState.SHADOW and house.models.incumbent(WEEKLY) == shop.incumbent
    send = shop.send(0.25)
    assert send.candidate_version is None and set(decided(house, send)["model_version"]) == {shop.incumbent}
    feed(house, send, EventKind.CLICKED, {"incumbent": 0.02})
    assert shop.look(0.5).state is RolloutState.SHADOW and house.rollouts.looks(shop.rollout) == []
    partition = {"send_id": send.send_id, "candidate": shop.candidate}
    kept = house.lake.files("shadow_decisions", partition)
    shadow, stamps = house.lake.read("shadow_decisions", partition), [Path(path).stat().st_mtime_ns for path in kept]
    arms = decided(house, send).drop_duplicates("recipient_id").set_index("recipient_id")["arm"]
    assert set(arms[shadow["recipient_id"]]) == {Arm.INCUMBENT} and set(shadow["model_version"]) == {shop.candidate}
    assert 0.4 < shadow["recipient_id"].nunique() / (arms == Arm.INCUMBENT).sum() < 0.6
    assert live(house, decided(house, send), clock.now())
    assert shop.look(1.5).state is RolloutState.SHADOW
    assert [Path(path).stat().st_mtime_ns for path in kept] == stamps
    [look] = house.rollouts.looks(shop.rollout)
    assert look.verdict is Verdict.HOLD and look.sends == (send.send_id,)
    figures = look.figures
    assert {"size", "value", "agreement", "correlation", "diversity", "microseconds per recipient"} <= set(figures)
    assert (
        0 < float(figures["agreement"]["weekly.hero"]) <= 1
        and 0 < float(figures["size"]["clicks"]) < 30
        and "30 needed" in " ".join(look.reasons)
    )
    assert shop.look(1.6) and len(house.rollouts.looks(shop.rollout)) == 1

    def told(*command: str) -> dict[str, object]:
        answer = CliRunner().invoke(app, ["rollout", *command, "--json"])
        assert answer.exit_code == 0, answer.output
        return dict(orjson.loads(answer.stdout))

    assert told("status", "weekly")["rollout"]["state"] == "shadow"  # type: ignore[index]
    assert told("hold", "weekly", "--because", "a holiday", "--by", "ada")["rollout"]["state"] == "held"  # type: ignore[index]
    assert told("advance", "weekly", "--because", "over")["rollout"]["state"] == "shadow"  # type: ignore[index]
    assert told("advance", "weekly", "--because", "enough")["rollout"]["stage"] == 0  # type: ignore[index]
    assert told("rollback", "weekly", "--because", "no")["rollout"]["state"] == "rolled_back"  # type: ignore[index]
    trail = [(entry.what, entry.why) for entry in house.audit.of() if entry.send_id is None]
    assert trail[1:] == [
        (Deed.ROLLOUT_HELD, "a holiday"),
        (Deed.ROLLOUT_ADVANCED, "over"),
        (Deed.ROLLOUT_ADVANCED, "enough"),
        (Deed.ROLLED_BACK, "no"),
    ]
    refused = CliRunner().invoke(app, ["rollout", "hold", "weekly"])
    assert refused.exit_code != 0
