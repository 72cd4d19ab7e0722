"""A refresh: for whom the pages of a site are decided ahead, and that it can be repeated."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pandas as pd
import pytest

from domain.campaign import Holdout, Surface
from domain.decision import SEEN_ON_PAGE, Arm
from domain.errors import InputError
from domain.event import EventKind, ReceivedEvent
from domain.ids import PlacementId, RecipientId, SendId, decision_id_of, message_id_of
from domain.send import Send, SendStatus
from experiments.assignment import Draw, arms
from flows.account_for_refresh import account_for_refresh
from flows.attribute_outcomes import attribute_outcomes
from flows.count_visitors import count_visitors
from flows.expire_refreshes import expire_refreshes
from flows.open_refresh import open_refresh, planned_refresh
from flows.plan_send import checked_content
from flows.refresh_placements import refresh_placements
from flows.send_campaign import resume_send, send_campaign
from runtime.clock import now
from runtime.house import House
from tests.flows.pages import BROWSER, published, seen_active, told, write_pages

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]
HERO, SHELF = PlacementId("web.home_hero"), PlacementId("web.home_shelf")


@pytest.fixture
def pages(house: House, tmp_path: Path, people: Callable[[int], None]) -> Callable[..., None]:
    """Writes campaign `web` and imports so many recipients, of whom the n-th was active n days ago."""

    def made(count: int = 60, refresh: str = "", more: str = "") -> None:
        write_pages(tmp_path / "templates" / "web", refresh, more)
        people(count)
        published(house, now())
        seen_active(house, {f"r{number}": float(number) for number in range(count)}, now())

    return made


def refreshed(house: House) -> Send:
    """A refresh of this instant, taken to its end."""
    state = refresh_placements("web", now().replace(microsecond=0), return_state=True)
    return house.send(str(state.result()))


def test_a_refresh_decides_for_who_was_active_and_publishes_it(house: House, pages: Callable[..., None]) -> None:
    """Everybody in the audience who was active in the last days has a decision in the store; the others are counted by reason."""
    pages(60, "active_days: 30, ttl_hours: 2")
    send = refreshed(house)
    assert (send.surface, send.status, send.stages) == (Surface.WEB, SendStatus.FINISHED, ("audience", "decisions"))
    account = account_for_refresh(house, send.send_id)
    assert account.audience == 48 and account.adds_up
    assert account.decided == 24 and dict(account.excluded) == {"inactive": 24}
    held = house.decisions.get(RecipientId("r1"), HERO, now(), ())
    assert held.send_id == send.send_id and not held.is_default
    assert len(house.decisions.get(RecipientId("r2"), SHELF, now(), ()).variants) == 2
    assert house.decisions.get(RecipientId("r42"), HERO, now(), ()).is_default
    assert house.lake.read("decisions", {"send_id": send.send_id}).empty  # nobody has seen any of it
    assert len(house.lake.read("refreshed_decisions", {"send_id": send.send_id})) == 24 * 3


def test_only_what_people_saw_is_learned_from(house: House, pages: Callable[..., None]) -> None:
    """A decision that came into view is one of the log, with its own propensity and known since then; the others are not, and nor is
    what a crawler saw, or a decision of somebody else's."""
    pages(60, "active_days: 30")
    send, at = refreshed(house), now()
    told(house, "Placement Viewed", "r1", HERO, at)
    told(house, "Placement Viewed", "r1", SHELF, at, position=2)
    told(house, "Placement Clicked", "r2", HERO, at)  # who clicks has seen
    told(house, "Placement Viewed", "r4", HERO, at, agent="Googlebot/2.1 (+http://www.google.com/bot.html)")
    told(house, "Placement Viewed", "r6", HERO, at, decision=decision_id_of(send.send_id, RecipientId("r7"), HERO, 1))
    told(house, "Placement Viewed", "r8", HERO, at, decision="nothing")
    assert attribute_outcomes() == 1
    every, seen = (house.lake.read(table, {"send_id": send.send_id}) for table in ("refreshed_decisions", "decisions"))
    assert sorted(zip(seen["recipient_id"], seen["placement"], seen["position"], strict=True)) == [
        ("r1", HERO, 1),
        ("r1", SHELF, 2),
        ("r2", HERO, 1),
    ]
    assert (seen["received_at"] >= pd.Timestamp(at)).all() and set(seen["source"]) == {SEEN_ON_PAGE}
    same = every.merge(seen, on="decision_id")
    assert (same["propensity_x"] == same["propensity_y"]).all() and (same["variant_x"] == same["variant_y"]).all()
    outcomes = house.lake.read("outcomes", {"send_id": send.send_id})
    assert outcomes[["recipient_id", "kind"]].to_numpy().tolist() == [["r2", "click"]]
    files = {path: Path(path).read_bytes() for path in house.lake.files("decisions")}
    assert attribute_outcomes() == 1 and files == {path: Path(path).read_bytes() for path in house.lake.files("decisions")}


def test_a_purchase_belongs_to_the_last_click_on_either_surface(house: House, pages: Callable[..., None]) -> None:
    """Of two clicks before a purchase the later one takes it, be it on a page or in a letter."""
    pages(60, "active_days: 30")
    letter, send, at = house.send(send_campaign("weekly", now().replace(microsecond=0))), refreshed(house), now()
    for who, on_page, in_letter in (("r1", 2.0, 1.0), ("r2", 1.0, 2.0)):
        told(house, "Placement Clicked", who, HERO, at + timedelta(hours=on_page))
        decisions = house.lake.read("decisions", {"send_id": letter.send_id})
        hero = decisions[(decisions["placement"] == "weekly.hero") & (decisions["recipient_id"] == who)].iloc[0]
        message, then = message_id_of(letter.send_id, RecipientId(who)), at + timedelta(hours=in_letter)
        raw = orjson.dumps(
            {"link_id": "a", "position": 1, "method": "GET", "user_agent": BROWSER, "network": None, "purpose": None}
        ).decode()
        named = RecipientId(who), message, hero["decision_id"], then, then, raw, letter.send_id
        house.events.append([ReceivedEvent(f"click-{who}", "web", EventKind.CLICKED, *named)])
    bought = pd.DataFrame(
        {"purchase_id": ["p1", "p2"], "recipient_id": ["r1", "r2"], "occurred_at": pd.to_datetime([at + timedelta(days=1)] * 2)}
    )
    bought = bought.assign(
        item="spade", category="garden", quantity=1.0, amount=10.0, currency="EUR", received_at=bought["occurred_at"], source="shop"
    )
    house.lake.write("purchases", bought, partition={"source": "shop"}, name="all")
    attribute_outcomes()
    kinds = {one.send_id: house.lake.read("outcomes", {"send_id": one.send_id}) for one in (letter, send)}
    sold = {name: set(found.loc[found["kind"] == "conversion", "recipient_id"]) for name, found in kinds.items()}
    assert sold == {letter.send_id: {"r2"}, send.send_id: {"r1"}}


def test_the_holdout_is_the_same_on_both_surfaces(house: House, pages: Callable[..., None], tmp_path: Path) -> None:
    """With one salt a recipient is held out of letters and pages alike, and gets the default slate on both; both log the arm."""
    pages(60, "active_days: 365")
    campaign = tmp_path / "templates" / "weekly" / "campaign.yaml"
    campaign.write_text(campaign.read_text() + "holdout: {share: 0.2, salt: shared}\n")
    letter, send = house.send(send_campaign("weekly", now().replace(microsecond=0))), refreshed(house)
    on_page, in_letter = (house.lake.read("audience", {"send_id": one.send_id}).set_index("recipient_id")["arm"] for one in (send, letter))
    both = on_page.index.intersection(in_letter.dropna().index)
    assert ((on_page[both] == Arm.HOLDOUT) == (in_letter[both] == Arm.HOLDOUT)).all() and (on_page == Arm.HOLDOUT).any()
    decisions = house.lake.read("refreshed_decisions", {"send_id": send.send_id})
    held = decisions[decisions["arm"] == Arm.HOLDOUT]
    assert set(held["recipient_id"]) == set(on_page.index[on_page == Arm.HOLDOUT]) and (held["propensity"] == 1).all()
    assert set(zip(held["placement"], held["position"], held["variant"], strict=True)) == {
        (HERO, 1, "default"),
        (SHELF, 1, "default"),
        (SHELF, 2, "tools"),
    }


def test_a_budget_is_kept_and_goes_to_the_most_recently_active(house: House, pages: Callable[..., None]) -> None:
    """Whatever the shards, exactly as many as the budget allows are decided for, and nobody who was active before one of the others."""
    pages(200, "active_days: 100, recipients: 37")
    foreseen = count_visitors(house, checked_content(house, "web"), now())
    send = refreshed(house)
    account = account_for_refresh(house, send.send_id)
    assert account.decided == 37 and account.adds_up
    assert dict(account.excluded) == {"inactive": 80, "over_budget": 160 - 80 - 37} == dict(foreseen.excluded)
    admitted = house.lake.read("audience", {"send_id": send.send_id})["recipient_id"]
    eligible = [number for number in range(200) if number % 5]
    assert set(admitted) == {f"r{number}" for number in eligible[:37]}


def test_a_refresh_that_runs_out_of_time_has_decided_for_the_most_recent(
    house: House, pages: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tier by tier; what is done by then is published, the others keep what they had and are counted."""
    pages(200, "active_days: 100, minutes: 5")
    instants = iter([now(), now(), now() + timedelta(minutes=6)])  # as the first, second and third tier begin
    monkeypatch.setattr("flows.decide_tiers.now", lambda: next(instants))
    send = refreshed(house)
    account = account_for_refresh(house, send.send_id)
    assert send.tiers == 4 and send.status is SendStatus.FINISHED and account.adds_up
    assert (account.decided, account.excluded["out_of_time"]) == (40, 40)
    decided = house.lake.read("refreshed_decisions", {"send_id": send.send_id})["recipient_id"]
    assert set(decided) == {f"r{number}" for number in [number for number in range(200) if number % 5][:40]}
    assert house.decisions.get(RecipientId("r99"), HERO, now(), ()).is_default


def test_a_refresh_computed_again_is_the_same_byte_for_byte(house: House, pages: Callable[..., None]) -> None:
    """What was lost on the way is made again from what was frozen, to the same bytes; what is done is not done again."""
    pages(120, "active_days: 100, recipients: 70")
    send = refreshed(house)
    tables = ("audience", "refreshed_decisions")
    before = {path: Path(path).read_bytes() for table in tables for path in house.lake.files(table)}
    gone = house.lake.files("refreshed_decisions")[0]
    house.lake.remove_file(gone)
    house.sends.reopen_shards(send.send_id, "decisions", [0])
    house.sends.set_status(send.send_id, SendStatus.PAUSED, None, now())
    assert str(resume_send(send.send_id)) == send.send_id
    assert {path: Path(path).read_bytes() for path in before} == before
    assert house.send(send.send_id).status is SendStatus.FINISHED


def test_a_later_refresh_takes_the_place_of_one_that_died(house: House, pages: Callable[..., None]) -> None:
    """What is left open of an earlier refresh is over when the next begins: it must not publish over what is newer."""
    pages(60)
    first = open_refresh.fn("web", now().replace(microsecond=0) - timedelta(hours=1))
    send = refreshed(house)
    assert house.send(first).status is SendStatus.CANCELLED and house.send(first).reason == f"superseded by {send.send_id}"
    assert account_for_refresh(house, send.send_id).decided == 24
    assert house.sends.list() == [] and len(house.sends.list(surface=Surface.WEB)) == 2
    assert house.sends.latest() is None


def test_letters_are_not_refreshed_and_pages_not_sent(house: House, pages: Callable[..., None]) -> None:
    """Either says what to do instead."""
    pages(10)
    with pytest.raises(InputError, match="campaign of pages"):
        send_campaign("web", now().replace(microsecond=0))
    with pytest.raises(InputError, match="campaign of letters"):
        refresh_placements("weekly", now().replace(microsecond=0))


def test_nobody_active_is_no_mistake(house: House, pages: Callable[..., None]) -> None:
    """A night without visitors ends as it should, with nobody decided for."""
    pages(10, "active_days: 0.001")
    house.lake.remove("events", {"source": "shop"})
    account = account_for_refresh(house, refreshed(house).send_id)
    assert (account.audience, account.decided, dict(account.excluded)) == (8, 0, {"inactive": 8})


def test_old_refreshes_expire_but_for_what_was_seen(house: House, pages: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many days all that a refresh decided is removed from the lake; what people saw of it stays."""
    pages(60, "active_days: 30, ttl_hours: 1")
    send = refreshed(house)
    told(house, "Placement Viewed", "r1", HERO, now())
    keep = timedelta(days=house.settings.refreshed_days)
    assert expire_refreshes(house, now() + keep) == 0
    later = now() + keep + timedelta(days=1, minutes=1)
    attribute_outcomes()
    assert expire_refreshes(house, later) == 1 and expire_refreshes(house, later) == 0
    left = {table for table in house.lake.tables() if house.lake.exists(table, {"send_id": send.send_id})}
    assert left == {"decisions"}
    assert house.lake.read("decisions", {"send_id": send.send_id})["recipient_id"].tolist() == ["r1"]
    assert account_for_refresh(house, send.send_id).decided == 24


def test_what_was_decided_within_a_session_is_seen_too(house: House, pages: Callable[..., None]) -> None:
    """A consumer keeps what it decided anew beside the refresh it stood on; events that name it find it, for its own recipient alone.
    Two events of one decision are one exposure."""
    pages(60, "active_days: 30")
    send, at = refreshed(house), now()
    every = house.lake.read("refreshed_decisions", {"send_id": send.send_id})
    anew = every[(every["recipient_id"] == "r1") & (every["placement"] == HERO)]
    session = SendId(f"{send.send_id}+1")
    decision = decision_id_of(session, RecipientId("r1"), HERO, 1)
    anew = anew.assign(decision_id=decision, send_id=session, decided_at=pd.Timestamp(at), received_at=pd.Timestamp(at))
    house.lake.write("session_decisions", anew, partition={"send_id": send.send_id}, name="batch-1")
    told(house, "Placement Viewed", "r1", HERO, at, decision=decision)
    told(house, "Placement Clicked", "r1", HERO, at, decision=decision)
    told(house, "Placement Viewed", "r2", HERO, at, decision=decision)
    assert attribute_outcomes() == 1
    seen = house.lake.read("decisions", {"send_id": send.send_id})
    assert seen[["decision_id", "send_id", "recipient_id"]].to_numpy().tolist() == [[decision, session, "r1"]]


def test_candidates_of_a_rollout_decide_for_those_it_draws(house: House, pages: Callable[..., None]) -> None:
    """The arms of a refresh are drawn by the holdout, the share that explores, and the rollout's salt, as those of a letter are."""
    pages(200, "active_days: 365")
    planned = planned_refresh(house, checked_content(house, "web"), now(), now())
    house.contents.save(checked_content(house, "web"), now())
    send = house.sends.open(replace(planned, rollout_salt="r", rollout_share=0.5), now())
    assert resume_send(send.send_id, return_state=True).is_completed()
    audience = house.lake.read("audience", {"send_id": send.send_id})
    drawn = arms(
        audience["recipient_id"],
        audience["address"],
        send_id=send.send_id,
        holdout=Holdout(0.2, "shared"),
        explore=0.05,
        rollout=Draw("r", 0.5),
    )
    assert audience["arm"].tolist() == drawn.tolist() and {Arm.CANDIDATE, Arm.HOLDOUT} <= set(drawn)
