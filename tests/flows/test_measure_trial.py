"""Experiments in real sends: everyone gets what their arm says, send after send, and the figures compare the arms."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from domain.decision import Arm
from domain.errors import InputError
from experiments.lift_figures import Verdict
from experiments.lift_sums import Measure
from experiments.trials import arm_of
from flows import measure_trial
from flows.measure_trial import measured_trial
from flows.send_campaign import send_campaign
from letterpress.commands.experiment import shown
from runtime.clock import now
from runtime.house import House

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]
TONE = "experiments:\n  tone: {arms: {plain: {hero: [default]}, spring: {hero: [spring]}}, share: 0.8}\nholdout: {share: 0.1}\n"


def test_everyone_gets_what_their_arm_says(
    house: House, people: Callable[[int], None], campaign_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both of two sends; who takes no part may get anything; the held out get the default; the figures are those of the arms."""
    file = campaign_folder / "campaign.yaml"
    file.write_text(file.read_text() + TONE)
    people(300)
    began = now().replace(microsecond=0)
    sends = [heroes(house, began + timedelta(minutes=week)) for week in range(2)]
    arms = sends[0]["side"]
    assert (arms == sends[1]["side"]).all()
    for one in sends:
        assert set(one.loc[one["side"] == 0, "variant"]) == {"default"} and set(one.loc[one["side"] == 1, "variant"]) == {"spring"}
        assert set(one.loc[one["arm"] == Arm.HOLDOUT, "variant"]) == {"default"}
        assert len(set(one.loc[one["side"] == -1, "variant"])) > 1
        assert set(one.loc[one["side"] == 1, "propensity"]) == {1.0}
    buyers = arms[arms == 1].index
    at = pd.Timestamp(began + timedelta(days=2)).as_unit("us")
    bought = pd.DataFrame({"purchase_id": list(buyers), "recipient_id": list(buyers)}).assign(
        item="spade", category="garden", quantity=1.0, amount=10.0, currency="EUR", occurred_at=at, received_at=at, source="shop"
    )
    house.lake.write("purchases", bought, partition={"source": "shop"}, name="all")
    monkeypatch.setattr(measure_trial, "now", lambda: began + timedelta(days=30))
    found = measured_trial(house, "weekly", "tone", 0.05)
    assert "experiment tone of weekly, against plain" in str(shown(found).renderables[0])
    [(arm, report)] = found.reports.items()
    assert (found.control, arm, report.recipients, report.held_out) == ("plain", "spring", len(buyers), int((arms == 0).sum()))
    conversion = next(one for one in report.figures if one.measure is Measure.BOUGHT)
    assert (conversion.mean, conversion.mean_held_out, conversion.verdict) == (1.0, 0.0, Verdict.TOO_LITTLE_DATA)


def heroes(house: House, at: datetime) -> pd.DataFrame:
    """What a send showed in the hero, by recipient, and each one's arm of the experiment; −1 for the held out too."""
    send = house.send(send_campaign("weekly", at))
    decisions = house.lake.read("decisions", {"send_id": send.send_id})
    audience = house.lake.read("audience", {"send_id": send.send_id}).set_index("recipient_id")
    hero = decisions[decisions["placement"] == "weekly.hero"].set_index("recipient_id").sort_index()
    experiment = house.contents.load(send.content_version).campaign.experiments["tone"]
    side = pd.Series(arm_of(audience.loc[hero.index, "address"], "tone", experiment), index=hero.index)
    return hero.assign(side=side.mask(hero["arm"] == Arm.HOLDOUT, -1))


def test_an_experiment_that_is_not_there_is_named(house: House, people: Callable[[int], None]) -> None:
    """With those there are."""
    people(60)
    send_campaign("weekly", now().replace(microsecond=0))
    with pytest.raises(InputError, match="no experiment 'tone'"):
        measured_trial(house, "weekly", "tone", 0.05)
