"""The report of a send."""

import pandas as pd
import pytest

from domain.decision import Arm
from domain.ids import RecipientId, SendId
from experiments.report import SendReport, add_up, count_arms, report_send
from experiments.statistics import Difference, Proportion, TooLittleData

SEND = SendId("weekly-20261123T090000Z")
SHARES = {Arm.HOLDOUT: 0.1, Arm.INCUMBENT: 0.85, Arm.EXPLORE: 0.05}


def report(holdout: Proportion, incumbent: Proportion, explore: Proportion) -> SendReport:
    return report_send(SEND, {Arm.EXPLORE: explore, Arm.HOLDOUT: holdout, Arm.INCUMBENT: incumbent}, SHARES)


def test_counts_per_arm() -> None:
    """Arms are counted by recipients handed off to; a click counts once, and only for one who got a letter."""
    audience = pd.DataFrame(
        {"recipient_id": ["a", "b", "c", "d", "e"], "arm": pd.array(["holdout", "incumbent", "incumbent", None, "explore"], dtype="str")}
    )
    ids = [RecipientId(name) for name in "abcd"]
    assert count_arms(audience, ids, [*ids[:2], RecipientId("e")]) == {Arm.HOLDOUT: Proportion(1, 1), Arm.INCUMBENT: Proportion(1, 2)}


def test_counts_add_up_over_shards() -> None:
    """Counts of shards add up arm by arm."""
    shards = [{Arm.HOLDOUT: Proportion(1, 2)}, {Arm.HOLDOUT: Proportion(0, 3), Arm.EXPLORE: Proportion(1, 1)}]
    assert add_up(shards) == {Arm.HOLDOUT: Proportion(1, 5), Arm.EXPLORE: Proportion(1, 1)}


def test_established_gain() -> None:
    """The incumbent arm is compared with the holdout, and a clear gain is stated with its interval."""
    found = report(Proportion(140, 2_000), Proportion(1_700, 17_000), Proportion(60, 1_000))
    assert isinstance(found.gain, Difference)
    assert found.gain.relative == pytest.approx(0.1 / 0.07 - 1)
    assert found.verdict.startswith("personalised content was clicked more than default content (+42.9%, 95 % interval +21")
    assert [arm.arm for arm in found.arms] == [Arm.HOLDOUT, Arm.INCUMBENT, Arm.EXPLORE]


def test_established_harm() -> None:
    """Harm is stated as plainly as gain."""
    found = report(Proportion(200, 2_000), Proportion(1_190, 17_000), Proportion(60, 1_000))
    assert found.verdict.startswith("personalised content was clicked less than default content (-30.0%")


def test_no_difference_shown() -> None:
    """An interval around zero is no difference shown, not no difference."""
    assert report(Proportion(140, 2_000), Proportion(1_200, 17_000), Proportion(60, 1_000)).verdict.startswith("no difference shown")


def test_too_little_data_is_no_verdict() -> None:
    """Few clicks are no verdict, with what is missing."""
    found = report(Proportion(2, 20), Proportion(17, 170), Proportion(1, 10))
    assert isinstance(found.gain, TooLittleData)
    assert found.verdict == "no verdict: too little data: 2 clicks expected in the smaller arm of 20 recipients, 30 needed"


def test_sample_ratio_mismatch_blocks() -> None:
    """Arms of the wrong size block the verdict, however clear the gain looks."""
    found = report(Proportion(140, 1_500), Proportion(2_500, 17_500), Proportion(60, 1_000))
    assert found.sample_ratio.is_off
    assert found.verdict.startswith("no verdict: the arms are not as large as they were drawn")


def test_no_holdout() -> None:
    """Without a holdout there is nothing to compare with, and the report says so."""
    found = report_send(SEND, {Arm.INCUMBENT: Proportion(100, 1_000)}, {Arm.HOLDOUT: 0.0, Arm.INCUMBENT: 1.0, Arm.EXPLORE: 0.0})
    assert not found.sample_ratio.is_off
    assert found.gain == TooLittleData(("one of the arms has no recipients",))
