"""Experiments in campaign.yaml: what they name is there, and no two stand in each other's way."""

from pathlib import Path

import pytest

from delivery.campaign_file import read_campaign
from delivery.campaign_folder import read_folder
from delivery.compile import check_campaign
from domain.errors import InvalidInput
from tests.delivery.campaigns import CAMPAIGN, with_file


def complaints(folder: Path, text: str) -> list[str]:
    """The mistakes of a campaign.yaml."""
    with pytest.raises(InvalidInput) as caught:
        read_campaign(read_folder(with_file(folder, "campaign.yaml", text)))
    return [mistake.what for mistake in caught.value.mistakes]


def test_experiments_are_read_in_their_order(tmp_path: Path) -> None:
    """The first arm is the control."""
    text = CAMPAIGN + "experiments:\n  tone: {arms: {usual: {}, plain: {hero: [default]}}, share: 0.5}\n"
    tone = read_campaign(read_folder(with_file(tmp_path, "campaign.yaml", text))).experiments["tone"]
    assert (tone.control, list(tone.arms), tone.arms["plain"], tone.share) == ("usual", ["usual", "plain"], {"hero": ("default",)}, 0.5)


@pytest.mark.parametrize(
    ("experiments", "said"),
    [
        ("tone: {arms: {usual: {}, new: {heroo: [x]}}}", "experiments.tone.arms.new: there is no placement 'heroo'"),
        ("tone: {arms: {usual: {}, new: {}}}", "experiments.tone: all of its arms are the letter as it is"),
        (
            "a: {arms: {usual: {}, new: {hero: [x]}}}\n  b: {arms: {usual: {}, new: {hero: [y]}}}",
            "experiments.b.arms.new: hero is part of the experiment 'a' already",
        ),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, experiments: str, said: str) -> None:
    """With what is wrong."""
    assert said in complaints(tmp_path, CAMPAIGN + f"experiments:\n  {experiments}\n")


def test_one_arm_is_no_experiment(tmp_path: Path) -> None:
    """It takes two to compare."""
    assert complaints(tmp_path, CAMPAIGN + "experiments:\n  tone: {arms: {new: {hero: [x]}}}\n")


def test_variants_that_are_not_there_are_found(tmp_path: Path) -> None:
    """When the folder is compiled, with the nearest name."""
    text = CAMPAIGN + "experiments:\n  tone: {arms: {usual: {}, new: {hero: [frist]}, none: {hero: []}}}\n"
    found = check_campaign(with_file(tmp_path, "campaign.yaml", text))
    said = " ".join(f"{mistake.what} {mistake.hint}" for mistake in found)
    assert "there is no variant 'frist' did you mean 'first'?" in said and "experiments.tone.arms.none.hero names no variant" in said
