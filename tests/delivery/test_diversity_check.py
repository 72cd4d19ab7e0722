"""A floor that nobody can reach is a mistake before anything is sent."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.compile import compile_campaign
from delivery.diversity_check import greatest_entropy
from domain.errors import InvalidInput
from tests.delivery.campaigns import CAMPAIGN, FILES, block


def folder_with(path: Path, policy: str, category: str) -> Path:
    """The small campaign with a policy, one of its stories being of another category."""
    folder = path / "news"
    files = FILES | {"campaign.yaml": CAMPAIGN + f"policy: {policy}\n", "story/other.mjml": block("Other", category=category)}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_floor_above_what_the_categories_can_reach_is_told_with_its_line(tmp_path: Path) -> None:
    """Two categories over three blocks of one letter reach 0.64 nats: 0.7 is too much for one letter, and fine over four."""
    with pytest.raises(InvalidInput) as refused:
        compile_campaign(folder_with(tmp_path / "a", "{diversity: {floor: 0.69, messages: 1}}", "other"))
    [mistake] = refused.value.mistakes
    assert mistake.file and mistake.file.endswith("campaign.yaml") and mistake.line == 9
    assert "2 categories over 3 blocks reach 0.64" in mistake.what
    content = compile_campaign(folder_with(tmp_path / "b", "{diversity: {floor: 0.69, messages: 4}}", "other"))
    assert content.campaign.policy.diversity is not None


@given(st.integers(1, 40), st.integers(1, 12))
def test_no_spread_has_more_entropy_than_the_most_even_one(items: int, categories: int) -> None:
    """Moving one item from a category to another never gains; the bound is ln of the categories, and reached when they divide the items."""
    best = greatest_entropy(items, categories)
    assert best <= math.log(min(items, categories)) + 1e-12
    if items % categories == 0:
        assert best == pytest.approx(math.log(categories))
    each, more = divmod(items, categories)
    counts = [each + 1] * more + [each] * (categories - more)
    if categories > 1 and counts[-1] > 0:
        moved = [counts[0] + 1, *counts[1:-1], counts[-1] - 1]
        assert -sum(n / items * math.log(n / items) for n in moved if n) <= best + 1e-12
