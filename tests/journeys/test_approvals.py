"""A send that is checked, accepted, approved by another person, and accounted for in the trail: as people type it."""

import pytest

from tests.delivery.campaigns import CAMPAIGN, block, with_file
from tests.journeys.desk import Desk
from tests.journeys.people import CONSENTING

pytestmark = pytest.mark.journey


def test_a_finding_stops_the_send_until_somebody_answers_for_it(desk: Desk) -> None:
    """Refused with exit code 2 and the way out; accepted by name with a reason, it goes out, and the trail tells who and why."""
    with_file(desk.home / "templates", "hero/first.mjml", block("Dear *|FNAME|*, first", default="true"))
    told = desk.refused("send", "news")
    assert "hero/first.mjml:5: merge_tags: readers would see *|FNAME|*" in told and "--accept merge_tags" in told
    assert desk.run("check", "news").code == 2 and not desk.sends
    assert "there is no check 'merge_tag'" in desk.refused("send", "news", "--accept", "merge_tag", "--because", "x")
    assert "needs a reason" in desk.refused("send", "news", "--accept", "merge_tags")
    sent = desk.does("send", "news", "--accept", "merge_tags", "--because", "it is about them", "--by", "Ann", "--json").json
    assert sent["account"]["handed_off"] == CONSENTING
    trail = desk.does("audit", sent["send_id"], "--json").json
    *accepted, opened, finished = [(one["who"], one["what"]) for one in trail]
    assert set(accepted) == {("Ann", "accepted")} and (opened, finished) == (("Ann", "opened"), ("letterpress", "finished"))
    assert {(one["why"], one["detail"]["check"]) for one in trail[: len(accepted)]} == {("it is about them", "merge_tags")}


def test_a_send_waits_for_another_person_and_then_goes_out(desk: Desk) -> None:
    """Nothing is handed off before the approval; the opener cannot give it; resumed without it, it waits on."""
    with_file(desk.home / "templates", "campaign.yaml", CAMPAIGN + "approval: true\n")
    waiting = desk.does("send", "news", "--by", "Ann", "--json").json
    send = waiting["send_id"]
    assert (waiting["status"], waiting["account"]["handed_off"]) == ("paused", 0)
    assert waiting["reason"] == f"waits for approval by another person: letterpress approve {send}"
    assert not list((desk.home / "var").rglob("*.eml"))
    assert "another person has to approve it" in desk.refused("approve", send, "--by", "ann")
    assert desk.does("resume", send, "--by", "Ann", "--json").json["status"] == "paused"
    approved = desk.does("approve", send, "--by", "Bob", "--json").json
    assert approved["letters"] == CONSENTING
    finished = desk.does("resume", send, "--by", "Ann", "--json").json
    assert finished["status"] == "finished"
    trail = desk.does("audit", send, "--json").json
    deeds = [one["what"] for one in trail]
    assert deeds == ["opened", "paused", "resumed", "paused", "approved", "resumed", "finished"]
    assert [one["who"] for one in trail if one["what"] in ("opened", "approved")] == ["Ann", "Bob"]
