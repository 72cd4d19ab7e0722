"""The page of a lift report: holds all it shows, says what its figures are, and can be looked at."""

import struct
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.picture import View, find_chromium, picture_of
from domain.ids import CampaignId
from experiments.lift_figures import MEANINGS
from experiments.lift_page import page
from experiments.lift_report import LiftReport, report
from experiments.lift_sums import Measure
from experiments.svg_plots import Estimate, over_time, side_by_side
from tests.experiments.lift_world import HOLDOUT, asked, world

WORLD = world(1, 3_000, 15, factor=1.2)


@pytest.fixture(scope="module")
def found() -> LiftReport:
    """Fourteen weeks of a campaign."""
    return report(WORLD.sources, asked(14))


class Tags(HTMLParser):
    """Every start tag, and whether all that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset", "action")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's signature
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(written: str) -> Tags:
    """The tags of a page."""
    tags = Tags()
    tags.feed(written)
    return tags


def test_it_loads_nothing_and_runs_nothing(found: LiftReport) -> None:
    """No scripts, no links, no pictures or fonts from elsewhere: it looks the same in ten years."""
    tags = read(page(found))
    assert not {"script", "link", "img", "iframe", "object"} & set(tags.names) and tags.links == [] and tags.open == []
    assert "url(" not in page(found) and "http" not in page(found)


def test_every_figure_stands_with_its_definition(found: LiftReport) -> None:
    """Gains with the course over weeks, guardrails beside them, and how to read it."""
    written = page(found)
    for measure in (Measure.REVENUE, Measure.BOUGHT, Measure.CLICKED, Measure.CLICKS_PER_LETTER, Measure.VALUE):
        assert MEANINGS[measure].definition in written
    assert written.count("<polyline") == 3 and "What it cost" in written and "How to read this" in written
    assert "week 14" in written and f"{found.held_out:,} held out" in written


def test_names_are_text_whatever_is_in_them(found: LiftReport) -> None:
    """Markup in a name is shown, not obeyed."""
    odd = CampaignId("<script>alert(1)</script>")
    written = page(replace(found, asked=replace(found.asked, campaigns=(odd,), notes=("a & b <i>",))))
    assert "<script" not in written and "&lt;script&gt;" in written and "a &amp; b &lt;i&gt;" in written


def test_blocked_and_early_reports_are_pages_too() -> None:
    """Without any figure."""
    early = page(report(WORLD.sources, asked(1)))
    assert "Cannot tell yet: 1 whole weeks" in early and "<svg" not in early
    blocked = page(report(WORLD.sources, asked(14, holdout=replace(HOLDOUT, share=0.5))))
    assert "No verdict" in blocked and "<polyline" not in blocked


@pytest.mark.chromium
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [360, 1100])
def test_it_is_no_wider_than_the_window(found: LiftReport, width: int) -> None:
    """Chromium shows it, on a phone and on a desk, with a campaign's name as long as names get."""
    long = replace(found, asked=replace(found.asked, campaigns=(CampaignId("x" * 64), CampaignId("winter-sale-" * 5))))
    png = picture_of(page(long), View(width=width))
    seen, height = struct.unpack(">II", png[16:24])
    assert seen == max(width, 500) and height > 1_000


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1e5)), min_size=1, max_size=60))
def test_plots_stay_within_their_frame(values: list[tuple[float, float]]) -> None:
    """Whatever is plotted."""
    estimates = [Estimate(f"<{place}>", value, value - reach, value + reach) for place, (value, reach) in enumerate(values)]
    for drawn in (over_time(estimates, str, "a course"), side_by_side(estimates, str, "a comparison")):
        tags = read(drawn)
        assert tags.open == [] and "nan" not in drawn and "inf" not in drawn
