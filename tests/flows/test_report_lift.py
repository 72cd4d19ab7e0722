"""The lift of real sends: which sends and weeks it is about, and what becomes of a holdout that gets no letters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.campaign import HoldoutMail
from domain.decision import Arm
from domain.errors import InputError
from domain.event import EventKind, ReceivedEvent
from domain.ids import CampaignId, RecipientId, message_id_of
from domain.message import Exclusion, MessageStatus
from experiments.lift_page import page
from experiments.lift_sums import Measure
from flows import measure_lift
from flows.account_for import account_for
from flows.measure_lift import Window, measured_lift
from flows.report_lift import as_markdown, report_lift
from flows.report_send import report_on
from flows.send_campaign import send_campaign
from letterpress.lift_view import shown
from runtime.clock import now
from runtime.house import House

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]


def sent(house: House, at: datetime) -> str:
    """A send of an instant."""
    return str(house.send(send_campaign("weekly", at)).send_id)


def buy(house: House, people: "pd.Series[str]", at: datetime) -> None:
    """Each of them buys for 10."""
    when = pd.Timestamp(at).as_unit("us")
    frame = pd.DataFrame({"purchase_id": [f"p{n}" for n in range(len(people))], "recipient_id": list(people)})
    frame = frame.assign(item="spade", category="garden", quantity=1.0, amount=10.0, currency="EUR")
    house.lake.write("purchases", frame.assign(occurred_at=when, received_at=when, source="shop"), partition={"source": "shop"}, name="all")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The report is asked for in 25 days; the instant is that of the first send."""
    began = now().replace(microsecond=0)
    monkeypatch.setattr(measure_lift, "now", lambda: began + timedelta(days=25))
    return began


def test_what_was_sent_bought_and_complained_about_is_counted(
    house: House, people: Callable[[int], None], later: datetime, campaign_folder: Path
) -> None:
    """Of those who were drawn, by side; purchases by all of them, letters or not; a complaint once."""
    file = campaign_folder / "campaign.yaml"
    file.write_text(file.read_text() + "holdout: {share: 0.3}\n")
    people(120)
    send_id = sent(house, later)
    audience = house.lake.read("audience", {"send_id": send_id})
    drawn = audience[audience["arm"].notna()]
    buy(house, drawn["recipient_id"], later + timedelta(days=3))
    who = RecipientId(drawn.loc[drawn["arm"] == Arm.HOLDOUT, "recipient_id"].iloc[0])
    message, at = message_id_of(house.send(send_id).send_id, who), later + timedelta(days=1)
    told = (
        ReceivedEvent(f"e{n}", "esp", EventKind.COMPLAINED, who, message, None, at, at, "{}", house.send(send_id).send_id) for n in (1, 2)
    )
    house.events.append(list(told))
    found = measured_lift(house, None, Window(), 0.05)
    held = int((drawn["arm"] == Arm.HOLDOUT).sum())
    assert (found.asked.period.weeks, found.recipients, found.held_out) == (3, len(drawn) - held, held)
    figures = {one.measure: one for one in found.figures}
    assert (figures[Measure.REVENUE].mean, figures[Measure.REVENUE].mean_held_out) == (10.0, 10.0)
    assert (figures[Measure.COMPLAINED].mean, figures[Measure.COMPLAINED].mean_held_out) == (0.0, pytest.approx(1 / held))
    assert "Too little data" in page(found) and "10.00 EUR" in page(found)
    assert len(shown(found).renderables) == 5  # sentences, figures, cohorts, sends, a note
    assert "Revenue per recipient" in as_markdown(found)


def test_sends_before_the_holdout_changed_are_left_out(
    house: House, people: Callable[[int], None], later: datetime, campaign_folder: Path
) -> None:
    """And it is said that they are; campaigns with holdouts of their own are asked for one by one."""
    people(60)
    sent(house, later - timedelta(days=7))
    file = campaign_folder / "campaign.yaml"
    file.write_text(file.read_text() + "holdout: {share: 0.2, salt: another}\n")
    second = sent(house, later)
    found = measured_lift(house, "weekly", Window(), 0.05)
    assert [one.send_id for one in found.sends] == [second]
    assert "1 earlier sends are left out" in found.asked.notes[0]
    assert house.holdouts.history(CampaignId("weekly"))[-1].holdout.salt == "another"


def test_a_holdout_may_get_no_letters_and_the_account_adds_up(
    house: House, people: Callable[[int], None], later: datetime, campaign_folder: Path
) -> None:
    """They are excluded with that reason, after every other; the report of the send finds nothing wrong with the sizes."""
    file = campaign_folder / "campaign.yaml"
    file.write_text(file.read_text() + "holdout: {share: 0.3, mail: none}\n")
    people(120)
    send_id = house.send(sent(house, later)).send_id
    audience = house.lake.read("audience", {"send_id": send_id})
    held = audience[audience["exclusion"] == Exclusion.HELD_OUT]
    assert len(held) > 15 and set(held["arm"]) == {Arm.HOLDOUT}
    assert set(held["recipient_id"]) == house.holdouts.members("holdout-1")
    assert not set(house.ledger.statuses(send_id, [RecipientId(one) for one in held["recipient_id"]]).values()) & {MessageStatus.ACCEPTED}
    account = account_for(house, send_id)
    assert account.adds_up and account.excluded[Exclusion.HELD_OUT] == len(held)
    assert house.holdouts.history(CampaignId("weekly"))[-1].holdout.mail is HoldoutMail.NONE
    assert not report_on(house, house.send(send_id)).sample_ratio.is_off
    found = measured_lift(house, "weekly", Window(), 0.05)
    assert found.held_out == len(held) and not found.blocked
    assert {one.measure for one in found.figures} == {Measure.BOUGHT}


def test_the_flow_keeps_the_page_and_says_the_answer(house: House, people: Callable[[int], None]) -> None:
    """Before two weeks are over the answer is when there will be one."""
    people(60)
    sent(house, now().replace(microsecond=0))
    assert report_lift().startswith("Cannot tell yet: 0 whole weeks are over")
    [name] = house.lake.list_bytes("reports")
    kept = house.lake.get_bytes(f"reports/{name}").decode()
    assert kept.startswith("<!doctype html>") and "http" not in kept


def test_before_anything_was_sent_there_is_nothing_to_report(house: House) -> None:
    """Said in one sentence."""
    with pytest.raises(InputError, match="nothing was sent yet"):
        measured_lift(house, None, Window(), 0.05)
