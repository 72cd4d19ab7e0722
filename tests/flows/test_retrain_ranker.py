"""The loop on a simulated shop: import, train, send with the model, let readers click, attribute, train again."""

import shutil
from pathlib import Path

import pytest

from domain.model import ModelState
from flows.attribute_outcomes import attribute_send
from flows.report_send import report_on
from flows.retrain_ranker import retrain_ranker
from flows.send_campaign import send_campaign
from letterpress.demo import Demo
from letterpress.explanation import explain
from runtime.house import House

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]


def test_a_model_trained_on_history_decides_and_learns_from_its_own_send(house: House, campaign_folder: Path) -> None:
    """One turn of the loop, each step on what the one before it left behind."""
    shutil.rmtree(campaign_folder)
    shutil.copytree(Path(__file__).parents[2] / "templates" / "weekly", campaign_folder)
    demo = Demo(house, house.settings.var / "demo", recipients=1_200, weeks=3, seed=3)
    demo.shop()
    assert all(report.written and not report.refused for report in demo.imported())

    first = retrain_ranker("weekly")
    model = house.models.load(first)
    assert model.row.campaign == "weekly" and model.row.card["training"]["outcomes"] > 0

    house.models.set_state(first, ModelState.INCUMBENT)
    send = house.send(send_campaign("weekly", demo.at()))
    assert send.model_version == first
    decisions = house.lake.read("decisions", {"send_id": send.send_id})
    chosen = decisions[decisions["arm"] != "holdout"]
    assert chosen["score"].notna().all() and chosen["propensity"].between(0, 1, inclusive="right").all()

    why, letter = explain(house, send, str(chosen["recipient_id"].iloc[0]))
    assert letter and why.same_bytes and all(one.score is not None for one in why.candidates)
    own = chosen[chosen["recipient_id"] == why.recipient_id].set_index(["placement", "variant"])
    for one in why.candidates:
        if one.position:
            assert one.score == pytest.approx(own.loc[(one.placement, one.variant), "score"], rel=1e-5)

    followed = demo.readers(send)
    outcomes = attribute_send(house, send)
    assert followed.clicks and outcomes >= followed.clicks
    assert attribute_send(house, send) == outcomes
    report = report_on(house, send)
    assert sum(arm.handed_off for arm in report.arms) == len(decisions["recipient_id"].unique())
    assert sum(arm.clicked for arm in report.arms) > 0
