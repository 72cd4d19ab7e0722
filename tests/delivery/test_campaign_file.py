"""campaign.yaml."""

from datetime import date, time
from pathlib import Path

import pytest

from delivery.campaign_file import read_campaign
from delivery.campaign_folder import read_folder
from domain.campaign import Cap, Goal, PlacementKind
from domain.departure import Departure, Gates, QuietHours, UnknownPolicy, WarmUp, Waves
from domain.errors import InvalidInput
from tests.delivery.campaigns import CAMPAIGN, STARTER, with_file

SENDER = "sender: {name: The shop, address: news@shop.example}"


def complaints(folder: Path, text: str) -> list[str]:
    """The mistakes of a campaign.yaml."""
    with pytest.raises(InvalidInput) as caught:
        read_campaign(read_folder(with_file(folder, "campaign.yaml", text)))
    return [f"{m.line}: {m.what}" + (f" ({m.hint})" if m.hint else "") for m in caught.value.mistakes]


def test_the_starter_campaign_is_read_whole() -> None:
    """Every key of the starter reaches the campaign."""
    campaign = read_campaign(read_folder(STARTER))
    assert (campaign.campaign, campaign.goal, campaign.topic) == ("weekly", Goal.CLICK, "news")
    assert campaign.caps == (Cap(3, 7),)
    assert [(p.placement, p.kind, p.positions) for p in campaign.placements] == [
        ("weekly.subject", PlacementKind.SUBJECT, 1),
        ("weekly.hero", PlacementKind.BLOCK, 1),
        ("weekly.story", PlacementKind.BLOCK, 3),
        ("weekly.offer", PlacementKind.BLOCK, 1),
    ]


def test_times_of_day_are_times(tmp_path: Path) -> None:
    """`21:00` without quotes is nine in the evening."""
    text = CAMPAIGN + "quiet_hours: {start: 21:00, end: 07:00}\nonce: true\n"
    campaign = read_campaign(read_folder(with_file(tmp_path, "campaign.yaml", text)))
    assert (campaign.quiet_hours, campaign.once) == (QuietHours(time(21), time(7)), True)


def test_a_departure_is_read_whole(tmp_path: Path) -> None:
    """Waves, gates, warm-up, local time, deadline, what becomes of unknown letters, and whether somebody has to approve."""
    text = """\
waves:
  shares: [0.05, 1]
  soak_minutes: 90
  gates: {complaints: 0.001, minimum: 500}
departure:
  per_minute: 600
  local_time: 09:00
  deadline_hours: 48
  unknown: at_least_once
  warm_up: {began_on: 2026-11-23, per_day: [50, 100]}
approval: true
"""
    campaign = read_campaign(read_folder(with_file(tmp_path, "campaign.yaml", CAMPAIGN + text)))
    assert campaign.waves == Waves((0.05, 1.0), 90, Gates(complaints=0.001, minimum=500))
    warm_up = WarmUp(date(2026, 11, 23), (50, 100))
    assert campaign.departure == Departure(600, warm_up, time(9), 48, UnknownPolicy.AT_LEAST_ONCE)
    assert campaign.approval


def test_a_campaign_that_says_nothing_goes_out_in_one_go(tmp_path: Path) -> None:
    """Without waves, at any time, by nobody's leave."""
    campaign = read_campaign(read_folder(with_file(tmp_path, "campaign.yaml", CAMPAIGN)))
    assert (campaign.waves, campaign.departure, campaign.approval) == (None, Departure(), False)


def test_the_audience_knows_its_line(tmp_path: Path) -> None:
    """An expression written as a block begins on the line after its key; one written in a line, on that line."""
    inline = read_campaign(read_folder(with_file(tmp_path / "a", "campaign.yaml", CAMPAIGN)))
    below = CAMPAIGN.replace('audience: "TRUE"', "audience: |\n  country = 'DE'")
    block = read_campaign(read_folder(with_file(tmp_path / "b", "campaign.yaml", below)))
    assert (inline.audience_line, block.audience_line, block.audience) == (4, 5, "country = 'DE'")
    assert inline.file == "news/campaign.yaml"


@pytest.mark.parametrize(
    ("find", "put", "expected"),
    [
        ("title:", "titel:", "1: unknown key 'titel' (did you mean 'title'?)"),
        ("title: The news\n", "", "1: title is missing"),
        (SENDER, "sender: {name: x, adress: a@b.example}", "2: unknown key 'sender.adress' (did you mean 'address'?)"),
        (
            "news@shop.example",
            '"news@shop.example\\r\\nBcc: x@y.z"',
            "2: sender.address: has characters that an address in a header cannot have",
        ),
        ("news@shop.example", '"a@b.example, c@d.example"', "2: sender.address: has characters that an address in a header cannot have"),
        ("name: The shop", '"name": "The\\nshop"', "2: sender.name has to be one line"),
        ("  hero: {}", "  hero: {positions: 0}", "7: placements.hero.positions: should be greater than or equal to 1"),
        ("  hero: {}", "  Hero: {}", "7: placements.Hero: a name has lower-case letters, digits, - and _ only"),
        ("{kind: subject}", "{kind: block}", "5: no placements of kind subject (exactly one, such as `subject: {kind: subject}`)"),
        ("{kind: subject}", "{kind: subject, positions: 2}", "6: a letter has one subject line (positions: 1)"),
        ("title: The news", "title: The news\nholdout: {share: 2}", "2: holdout.share: should be less than or equal to 1"),
        ("title: The news", "title: The news\nquiet_hours: {start: 7, end: 8}", "2: quiet_hours: write times of day as 21:00"),
        (
            "title: The news",
            "title: The news\nlist_id: news",
            "2: list_id is no List-Id (words with dots between them, such as news.shop.example)",
        ),
        ("title: The news", "title: The news\ncaps: [{messages: 1}]", "2: caps.0.per_days is missing"),
        ("title: The news", "title: The news\npolicy: {temperature: 0}", "2: policy.temperature: should be greater than 0"),
        ("title: The news", "title: The news\npolicy: {effective_sample: 0}", "2: policy.effective_sample: should be greater than 0"),
        ("title: The news", "title: The news\npolicy: {diversity: {messages: 4}}", "2: policy.diversity.floor is missing"),
        (
            "title: The news",
            "title: The news\npolicy: {diversity: {flor: 1}}",
            "2: unknown key 'policy.diversity.flor' (did you mean 'floor'?)",
        ),
        ("title: The news", "title: The news\npolicy: {variant_cap: {messages: 2}}", "2: policy.variant_cap.per_days is missing"),
        (
            "title: The news",
            "title: The news\nwaves:\n  shares:\n    - 0.05\n    - 0.01\n    - 1",
            "5: waves.shares: 0.01 after 0.05 is a wave for nobody"
            " (shares are of the whole audience, by the end of each wave, such as [0.01, 0.05, 0.2, 1])",
        ),
        (
            "title: The news",
            "title: The news\nrollout:\n  stages:\n    - 0.05\n    - 0.01\n    - 1",
            "5: rollout.stages: 0.01 after 0.05 is no step forward"
            " (shares are of the recipients outside the holdout, such as [0.01, 0.05, 0.2, 0.5, 1])",
        ),
        (
            "title: The news",
            "title: The news\nrollout: {stages: [0.1, 0.5]}",
            "2: rollout.stages end with 0.5: the candidate would never take over (end with 1)",
        ),
        (
            "title: The news",
            "title: The news\nrollout: {stages: [0.97, 1]}",
            "2: rollout.stages: 0.97 leaves the incumbent less than the control of 0.05 (a smaller stage, or a smaller control)",
        ),
        ("title: The news", "title: The news\nrollout: {stage_day: 2}", "2: unknown key 'rollout.stage_day' (did you mean 'stage_days'?)"),
        (
            "title: The news",
            "title: The news\nwaves: {shares: [0.1, 0.5]}",
            "2: waves.shares end with 0.5: the others would never be written to (end with 1)",
        ),
        (
            "title: The news",
            "title: The news\nwaves: {gates: {bounce: 0.1}}",
            "2: unknown key 'waves.gates.bounce' (did you mean 'bounces'?)",
        ),
        ("title: The news", "title: The news\nwaves: {gates: {bounces: 5}}", "2: waves.gates.bounces: should be less than or equal to 1"),
        ("title: The news", "title: The news\ndeparture: {local_time: 9}", "2: departure: write local_time as 09:00"),
        (
            "title: The news",
            "title: The news\ndeparture: {local_time: 09:00+02:00}",
            "2: departure.local_time is on each recipient's own clock, so it has no time zone (such as 09:00)",
        ),
        (
            "title: The news",
            "title: The news\nquiet_hours: {start: 21:00, end: 07:00}\ndeparture: {local_time: 22:30}",
            "3: departure.local_time: 22:30 is in quiet hours, which are from 21:00 to 07:00"
            " (letters would wait for quiet hours to end: write that time, or change quiet_hours)",
        ),
        (
            "title: The news",
            "title: The news\nwaves: {}\ndeparture: {deadline_hours: 3}",
            "3: departure.deadline_hours: 3 hours are over before the last wave: its soaks take 180 minutes"
            " (a later deadline, shorter soaks, or fewer waves)",
        ),
        (
            "title: The news",
            "title: The news\ndeparture: {warm_up: {began_on: 20261123, per_day: [5]}}",
            "2: departure: write warm_up.began_on as 2026-11-23",
        ),
        (
            "title: The news",
            "title: The news\ndeparture: {unknown: maybe}",
            "2: departure.unknown: should be 'at_most_once' or 'at_least_once'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_was_meant(tmp_path: Path, find: str, put: str, expected: str) -> None:
    """One thing wrong, one mistake, at its line."""
    assert find in CAMPAIGN
    assert expected in complaints(tmp_path, CAMPAIGN.replace(find, put, 1))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Three mistakes in three lines are three mistakes."""
    text = CAMPAIGN.replace("title", "titel").replace("positions: 2", "positions: many") + "gaol: click\n"
    assert [line.partition(":")[0] for line in complaints(tmp_path, text)] == ["1", "8", "1", "9"]
