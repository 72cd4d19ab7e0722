"""Variants' files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from delivery.campaign_folder import read_folder
from delivery.front_matter import VariantSource, check_front, read_variant
from domain.campaign import Cap, Placement, PlacementKind
from domain.errors import InvalidInput
from domain.ids import PlacementId
from tests.delivery.campaigns import with_file

HERO = Placement(PlacementId("news.hero"), "hero", 1)
STORY = Placement(PlacementId("news.story"), "story", 3)
SUBJECT = Placement(PlacementId("news.subject"), "subject", 1, PlacementKind.SUBJECT)


def read(folder: Path, text: str, placement: Placement = HERO, name: str = "hero/new.mjml") -> VariantSource:
    """A variant's file as written."""
    return read_variant(read_folder(with_file(folder, name, text)).file_named(name), placement)


def complaints(folder: Path, text: str, placement: Placement = HERO, name: str = "hero/new.mjml") -> list[str]:
    """What is wrong with it."""
    try:
        found = check_front(read(folder, text, placement, name))
    except InvalidInput as error:
        found = list(error.mistakes)
    return [f"{m.line}: {m.what}" + (f" ({m.hint})" if m.hint else "") for m in found]


def test_everything_that_is_known_of_a_variant_is_read(tmp_path: Path) -> None:
    """Category, condition with its line, dates in UTC, features, rank."""
    text = """---
title: Spring
category: garden
where: |
  country = 'DE'
live_from: 2026-03-01
live_until: 2026-04-01T10:00:00+02:00
cap: {messages: 1, per_days: 30}
limit_per_send: 5000
features: {price: 19.9, season: spring, new: true}
default: 2
---
<mj-section></mj-section>
"""
    variant = read(tmp_path, text, STORY)
    assert (variant.variant, variant.title, variant.rank, variant.where_line) == ("new", "Spring", 2, 5)
    assert variant.front.live_from == datetime(2026, 3, 1, tzinfo=UTC)
    assert variant.front.live_until == datetime(2026, 4, 1, 8, tzinfo=UTC)
    assert variant.front.cap == Cap(messages=1, per_days=30)
    assert variant.front.limit_per_send == 5_000
    assert variant.front.features == {"price": 19.9, "season": "spring", "new": True}


def test_the_bodys_lines_are_the_files_lines(tmp_path: Path) -> None:
    """Whatever stands on line 4 of the file stands on line 4 of the body."""
    assert read(tmp_path, "---\ncategory: news\n---\nfourth\n").body.split("\n")[3] == "fourth"


def test_a_title_is_made_of_the_name(tmp_path: Path) -> None:
    """A variant without a title is called as its file, in words."""
    assert read(tmp_path, "---\ncategory: news\n---\nx", name="hero/late-summer_sale.mjml").title == "Late summer sale"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<mj-section/>", "1: no front matter (begin with a line ---, then `category: …`, then another ---)"),
        ("---\ntitle: x\n---\nx", "2: category is missing"),
        ("---\ncategroy: x\ncategory: x\n---\nx", "2: unknown key 'categroy' (did you mean 'category'?)"),
        ("---\ncategory: x\nwhere: ''\n---\nx", "3: where: String should have at least 1 character"),
        ("---\ncategory: x\nlive_from: 20260301\n---\nx", "3: live_from: write an instant as 2026-11-23T09:00:00Z or 2026-11-23"),
        ("---\ncategory: x\nlive_from: 2026-03-01\nlive_until: 2026-02-01\n---\nx", "4: live_until: ends before it begins"),
        ("---\ncategory: x\npreheader: y\n---\nx", "3: a preheader belongs to a subject (write it into a file of the subject's folder)"),
        ("---\ncategory: x\ndefault: 2\n---\nx", "3: rank 2 is beyond the placement's 1 positions"),
        ("---\ncategory: x\nlimit_per_send: 0\n---\nx", "3: limit_per_send: should be greater than or equal to 1"),
        ("---\ncategory: x\nlimit_per_send: 2.5\n---\nx", "3: limit_per_send: should be a valid integer"),
        ("---\ncategory: x\ncap: {messages: 1}\n---\nx", "3: cap.per_days is missing"),
        (
            "---\ncategory: x\ndefault: true\nlimit_per_send: 5\n---\nx",
            "4: a default cannot be rationed: it is what everyone gets for whom nothing else is left",
        ),
        ("---\ncategory: x\n---\n\n", "2: there is nothing after the front matter"),
        ("---\ncategory: [x\n---\nx", "3: not valid YAML: expected ',' or ']', but got '<stream end>'"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """One thing wrong, one mistake."""
    assert expected.replace("live_until: ends", "ends") in complaints(tmp_path, text)


def test_several_positions_need_ranks(tmp_path: Path) -> None:
    """`default: true` says too little where three positions want a default."""
    found = complaints(tmp_path, "---\ncategory: x\ndefault: true\n---\nx", STORY)
    assert found == ["3: the placement has 3 positions (write the rank: default: 1, default: 2, …)"]


@pytest.mark.parametrize("name", ["hero/new.txt", "hero/New.mjml", "hero/a b.mjml"])
def test_a_file_that_cannot_be_a_variant_is_told(tmp_path: Path, name: str) -> None:
    """Ending and name decide."""
    assert complaints(tmp_path, "---\ncategory: x\n---\nx", HERO, name)[0].startswith("None: not a variant's file")
