"""Rollouts on pages with real parts: a day of refreshes is looked at as a send of letters is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from domain.decision import Arm
from domain.errors import UnavailableError
from domain.ids import INSTEAD, CampaignId, ModelVersion, PlacementId, RecipientId, SendId, VariantId, session_send_id_of
from domain.model import ModelState
from domain.rollout import Rollout, RolloutState, Verdict
from domain.send import Send, SendStatus
from domain.serving import ServedLatency
from flows.advance_rollout import advance_rollout
from flows.attribute_outcomes import attribute_outcomes
from flows.begin_rollout import begin_rollout
from flows.find_batches import people_in_a_batch, served_batches
from flows.load_basis import REFRESHED
from flows.open_refresh import open_refresh
from flows.plan_send import checked_content
from flows.refresh_placements import refresh_placements
from flows.return_to_incumbent import REPUBLISHED
from flows.steer_rollout import steer_rollout
from flows.train_model import train_model
from letterpress.explanation import explain, shown_send
from letterpress.rollout_view import view_of
from letterpress.visitor_index import indexes_of, still_deciding
from runtime import clock
from runtime import house as houses
from runtime.house import House
from simulator.clock import SteeredClock
from storage.decision_store import DecisionStore
from storage.models import ModelFiles
from tests.flows.pages import published, seen_active, seen_history, told, visited, write_pages

pytestmark = [
    pytest.mark.journey,
    pytest.mark.usefixtures("prefect"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),  # nothing of it depends on the database
]

WEB, HERO = CampaignId("web"), PlacementId("web.home_hero")
PEOPLE, DAY, HOUR = 500, timedelta(days=1), timedelta(hours=1)
SAID = """
attribution: {click_days: 0.5}
rollout:
  {stages: [0.4, 1], stage_days: 0, looks: 1, planned_sends: 2, shadow_hours: 0, shadow_share: 1, watch_hours: 48, diversity_loss: 0.5}
"""
ALIKE = {"incumbent": 0.5, "candidate": 0.5, "explore": 0.5, "holdout": 0.5}


@dataclass
class Site:
    """A site with two models, on a clock of its own that begins at a midnight."""

    house: House
    clock: SteeredClock
    at: datetime
    incumbent: ModelVersion
    candidate: ModelVersion

    def begun(self) -> str:
        """The candidate in the shadow, as retraining puts it there."""
        return begin_rollout(self.house, checked_content(self.house, WEB).campaign, self.candidate, clock.now())

    def refreshed(self, days: float) -> Send:
        """A refresh so many days after the first midnight."""
        self.clock.set(self.at + days * DAY)
        return self.house.send(str(refresh_placements(WEB, self.at + days * DAY, return_state=True).result()))

    def seen(self, days: float, rates: dict[str, float], seed: int = 1) -> Send:
        """A refresh whose decisions everybody sees an hour later; who likes what they see clicks at the rate of their arm."""
        send = self.refreshed(days)
        self.clock.set(clock.now() + HOUR)
        visited(self.house, decided(self.house, send), clock.now(), rates, seed)
        return send

    def looked(self, days: float) -> Rollout:
        """After a run of the flow."""
        self.clock.set(self.at + days * DAY)
        advance_rollout()
        return self.rollout

    @property
    def rollout(self) -> Rollout:
        """The candidate's rollout."""
        found = self.house.rollouts.get(WEB, self.candidate)
        assert found
        return found


@dataclass
class Kept:
    """The two models, made once for all tests: the one that decides first."""

    models: tuple[ModelFiles, ...] = ()


@pytest.fixture(scope="session")
def kept() -> Kept:
    """Nothing yet."""
    return Kept()


@pytest.fixture
def site(house: House, tmp_path: Path, people: Callable[[int], None], kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site whose campaign asks for rollouts; an incumbent, and a candidate that has learned from more people."""
    monkeypatch.setenv("LETTERPRESS_LABELS_CLOSE_DAYS", "0")
    monkeypatch.setenv("LETTERPRESS_SHARD_SIZE", "1000")
    houses.shared_house.cache_clear()
    house.database.dispose()
    house = houses.shared_house()
    write_pages(tmp_path / "templates" / "web", "ttl_hours: 24", SAID)
    people(PEOPLE)
    at = datetime.combine(datetime.now(UTC).date() + DAY, time(), UTC)  # Redis goes by its own clock: nothing may be stale there
    published(house, at - 30 * DAY)
    seen_active(house, {f"r{number}": 0.5 for number in range(PEOPLE)}, at)
    steered = SteeredClock(at)
    with clock.running_on(steered):
        if not kept.models:
            kept.models = tuple(trained(house, at))
        for model in kept.models:
            house.models.save(model.model_version, WEB, model.files, model.row.card, trained_at=at, as_of=at)
        incumbent, candidate = (model.model_version for model in kept.models)
        house.models.set_state(incumbent, ModelState.INCUMBENT)
        yield Site(house, steered, at, incumbent, candidate)


def trained(house: House, at: datetime) -> Iterator[ModelFiles]:
    """Two models of what some people saw; what the others saw neither has learned from."""
    seen_history(house, PEOPLE, 12, at - DAY)
    for where in ("bucket < 25000", "bucket < 32768"):
        found = train_model(house, checked_content(house, WEB), at, where=where, candidate=True)
        yield house.models.load(found.model.model_version)


def decided(house: House, send: Send) -> pd.DataFrame:
    """All that a refresh decided."""
    return house.lake.read(REFRESHED, {"send_id": send.send_id})


def arms_of(house: House, send: Send) -> pd.Series:
    """The arm of everybody in a refresh."""
    return house.lake.read("audience", {"send_id": send.send_id}).set_index("recipient_id")["arm"]


def held(house: House, who: object) -> tuple[SendId | None, tuple[VariantId, ...]]:
    """What the decision store holds for a recipient's hero."""
    found = house.decisions.get(RecipientId(str(who)), HERO, clock.now(), ())
    return found.send_id, found.variants


def heroes(decisions: pd.DataFrame) -> dict[str, tuple[VariantId, ...]]:
    """The hero of everybody in a frame of decisions."""
    own = decisions[decisions["placement"] == HERO]
    return {str(who): (VariantId(variant),) for who, variant in zip(own["recipient_id"], own["variant"], strict=True)}


def served_slowly(house: House, p99_ms: float) -> None:
    """What the one process that answers pages tells."""
    house.serving.tell(ServedLatency("web-1:7", clock.now(), 5.0, 5_000, p99_ms, 0))


def test_a_good_candidate_takes_over_day_by_day(site: Site) -> None:
    """Out of the shadow by what people saw and clicked that day; a day on which the share changed counts for nothing, slow pages hold it,
    nobody changes back from it over refreshes and stages, and it is promoted when its last stage has matured."""
    house = site.house
    assert "in the shadow" in site.begun()
    alone = site.seen(0.1, ALIKE)
    assert alone.candidate_version is None
    assert site.looked(0.9).state is RolloutState.SHADOW and house.rollouts.looks(site.rollout) == []  # the day is not over
    site.seen(1.01, ALIKE)  # decided by the incumbent alone
    served = site.looked(1.06)
    [look] = house.rollouts.looks(served)
    assert look.verdict is Verdict.ADVANCE, look.reasons
    assert (served.state, served.stage, served.share, look.sends) == (RolloutState.RAMPING, 0, 0.4, (f"web-{site.at:%Y-%m-%d}",))
    figures = look.figures
    assert float(figures["size"]["clicks"]) >= 30 and float(figures["correlation"]["candidate"]) > 0
    assert set(figures["agreement"]) == {HERO, "web.home_shelf"} and 0 < float(figures["agreement"][HERO]) <= 1

    better = ALIKE | {"incumbent": 0.3, "candidate": 0.6}
    mixed, first, again = site.seen(1.1, better), site.seen(2.1, better), site.seen(2.5, better, seed=2)
    assert {send.rollout_share for send in (mixed, first, again)} == {0.4} and first.candidate_version == site.candidate
    versions = decided(house, first).groupby("arm")["model_version"].unique()
    assert list(versions[Arm.CANDIDATE]) == [site.candidate] and list(versions[Arm.INCUMBENT]) == [site.incumbent]
    assert set(versions[Arm.EXPLORE]) == {site.candidate, site.incumbent} and list(versions[Arm.HOLDOUT]) == [site.incumbent]
    morning, evening = arms_of(house, first), arms_of(house, again)
    modelled = morning.isin([Arm.CANDIDATE, Arm.INCUMBENT]) & evening.isin([Arm.CANDIDATE, Arm.INCUMBENT])
    assert (morning[modelled] == evening[modelled]).all() and 0.3 < (morning[modelled] == Arm.CANDIDATE).mean() < 0.5
    assert not evening.equals(morning)  # who explores is drawn anew

    attribute_outcomes()
    [batch] = served_batches(house, site.rollout)
    assert [send.send_id for send in batch.sends] == [first.send_id, again.send_id]
    assert people_in_a_batch(house, site.rollout) == PEOPLE  # of the day before it began nothing is known
    assert people_in_a_batch(house, replace(site.rollout, began_at=site.at + 3.5 * DAY)) == len(arms_of(house, first)) < PEOPLE
    assert any("which are in on" in one for one in view_of(house, WEB).waits_for)
    ripe = 3 + 2 + 0.5  # the end of the day, two days for which it may be shown, and the window
    assert site.looked(ripe - 0.1).state is RolloutState.RAMPING and len(house.rollouts.looks(site.rollout)) == 1
    site.seen(4.1, better, seed=3)  # so that there is another day to look at
    served_slowly(house, 9.0)
    assert site.looked(ripe).stage == 0
    slow = house.rollouts.looks(site.rollout)[-1]
    assert slow.verdict is Verdict.HOLD and "p99 9.0 ms" in " ".join(slow.reasons) and slow.sends == (batch.batch_id,)
    assert "unsubscribes" not in slow.figures and float(slow.figures["clicks"]["difference"]) > 0
    served_slowly(house, 2.0)
    watched = site.looked(ripe + 2)
    assert watched.state is RolloutState.WATCHING and watched.share == pytest.approx(0.95)
    last = site.seen(ripe + 2.1, better, seed=4)
    was, is_now = morning[modelled] == Arm.CANDIDATE, arms_of(house, last)[modelled[modelled].index] == Arm.INCUMBENT
    assert was.any() and not (was & is_now).any()
    assert (arms_of(house, last)[morning == Arm.HOLDOUT] == Arm.HOLDOUT).all()
    done = site.looked(int(ripe + 2.1) + 1 + 2.5)
    assert (done.state, done.settled) == (RolloutState.PROMOTED, True)
    assert house.models.incumbent(WEB) == site.candidate


def test_a_broken_candidate_is_taken_back_on_pages(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within one run pages show the incumbent's choices again: for each of its people in the latest refresh that decided for them, also
    where a session had decided since; what a later refresh published stays. Killed on the way, the next run ends the same."""
    house = site.house
    site.begun()
    steer_rollout(house, WEB, Verdict.ADVANCE, clock.now(), who="fern", why="seen enough")
    site.seen(0.1, ALIKE | {"candidate": 0.05})
    assert attribute_outcomes() > 0
    everybody = site.refreshed(3.2)
    write_pages(tmp_path / "templates" / "web", "ttl_hours: 24, recipients: 150", SAID)
    some, by_candidate = site.refreshed(3.4), {}
    write_pages(tmp_path / "templates" / "web", "ttl_hours: 24, recipients: 30", SAID)
    cut_short = house.send(open_refresh.fn(WEB, site.at + 3.45 * DAY))
    house.sends.set_status(cut_short.send_id, SendStatus.PAUSED, "pulled the plug", clock.now())
    for send in (everybody, some):
        decisions = decided(house, send)
        by_candidate[send.send_id] = set(decisions.loc[decisions["model_version"] == site.candidate, "recipient_id"])
    latest = set(arms_of(house, some).index)
    newer, session, *rest = sorted(by_candidate[some.send_id])
    house.decisions.publish([(RecipientId(newer), HERO, (VariantId("books"),), SendId("web-later"))], DAY, clock.now())
    house.decisions.publish([(RecipientId(session), HERO, (VariantId("books"),), session_send_id_of(some.send_id, 3))], DAY, clock.now())
    indexes = {index.is_of_candidate: index for index in indexes_of(house, some, clock.now())}
    assert [bool((index.rows(sorted(by_candidate[some.send_id])) >= 0).all()) for _, index in sorted(indexes.items())] == [False, True]
    others = {who: held(house, who) for who in set(arms_of(house, everybody).index) - set.union(*by_candidate.values())}

    with monkeypatch.context() as patch:
        patch.setattr(DecisionStore, "replace", lambda *_args: (_ for _ in ()).throw(UnavailableError("killed")))
        with pytest.raises(UnavailableError, match="killed"):
            site.looked(3.6)
    assert (site.rollout.state, site.rollout.settled) == (RolloutState.ROLLED_BACK, False)
    back = site.looked(3.61)
    assert (back.state, back.settled) == (RolloutState.ROLLED_BACK, True) and "clicks" in str(back.reason)
    anew = {send.send_id: house.lake.read(REPUBLISHED, {"send_id": send.send_id}) for send in (everybody, some)}
    assert set(anew[some.send_id]["recipient_id"]) == by_candidate[some.send_id]
    assert set(anew[everybody.send_id]["recipient_id"]) == by_candidate[everybody.send_id] - latest != set()
    for send_id, decisions in anew.items():
        assert set(decisions["model_version"]) == {site.incumbent} and set(decisions["arm"]) <= {Arm.INCUMBENT, Arm.EXPLORE}
        expected = {who: (session_send_id_of(send_id, INSTEAD), variants) for who, variants in heroes(decisions).items() if who != newer}
        assert {who: held(house, who) for who in expected} == expected
    assert session in heroes(anew[some.send_id]) and rest
    assert held(house, newer) == ("web-later", (VariantId("books"),))
    assert {who: held(house, who) for who in others} == others
    assert house.send(cut_short.send_id).status is SendStatus.CANCELLED
    assert still_deciding(house, list(indexes.values())) == [indexes[False]]
    assert site.looked(3.62) == back and house.models.incumbent(WEB) == site.incumbent

    assert_logged_as_shown(site, some, rest[0])
    assert site.refreshed(4.1).candidate_version is None


def assert_logged_as_shown(site: Site, refresh: Send, who: str) -> None:
    """What somebody sees after the way back is logged, and explained, as the incumbent's choice that it is."""
    house, (_, shown) = site.house, held(site.house, who)
    told(house, "Placement Viewed", who, HERO, clock.now())
    attribute_outcomes()
    [logged] = house.lake.read("decisions", {"send_id": refresh.send_id}).to_dict("records")
    assert (logged["recipient_id"], logged["model_version"], (logged["variant"],)) == (who, site.incumbent, shown)
    assert logged["arm"] in (Arm.INCUMBENT, Arm.EXPLORE) and shown_send(house, who, HERO) == refresh
    why, _ = explain(house, refresh, who)
    assert why.model_version == site.incumbent and why.arm == logged["arm"]
    assert tuple(one.variant for one in why.candidates if one.placement == HERO and one.position) == shown


def test_a_refresh_under_way_ends_with_its_candidate(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rolled back between deciding and publishing, it is over; what still got out of it is taken back by the next run, and the next
    refresh is the incumbent's."""
    house, publish = site.house, DecisionStore.publish
    site.begun()
    steer_rollout(house, WEB, Verdict.ADVANCE, clock.now(), who="fern", why="seen enough")

    def publishing(store: DecisionStore, *args: Any, **options: Any) -> int:
        if site.rollout.state is RolloutState.RAMPING:  # what a person's command does in its own process; this one's run is alive
            steer_rollout(house, WEB, Verdict.ROLL_BACK, clock.now(), who="fern", why="looks wrong")
        return publish(store, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(DecisionStore, "publish", publishing)
        stopped = site.refreshed(0.1)
    assert stopped.status is SendStatus.CANCELLED and "rolled back" in str(stopped.reason) and not site.rollout.settled
    decisions = decided(house, stopped)
    theirs = sorted(set(decisions.loc[decisions["model_version"] == site.candidate, "recipient_id"]))
    assert {held(house, who)[0] for who in theirs} == {stopped.send_id}
    assert site.looked(0.11).settled
    instead = heroes(house.lake.read(REPUBLISHED, {"send_id": stopped.send_id}))
    assert {who: held(house, who) for who in theirs} == {
        who: (session_send_id_of(stopped.send_id, INSTEAD), instead[who]) for who in theirs
    }
    following = site.refreshed(0.2)
    assert following.candidate_version is None and {held(house, who)[0] for who in theirs} == {following.send_id}
