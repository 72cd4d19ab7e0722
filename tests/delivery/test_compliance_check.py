"""The whole check: one finding of each at least, what is accepted, and which letters a sample is made of."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.compile import compile_campaign
from delivery.compliance.acceptance import Acceptance, acceptance_of, settle
from delivery.compliance.check import CHECKS, check
from delivery.compliance.covering import covering_slates
from delivery.compliance.report import CheckId, Finding, Level, Place, Report
from domain.errors import InputError, InvalidInput
from tests.delivery.campaigns import STARTER, write
from tests.delivery.compliance_cases import PEOPLE, SENDGRID, inspected

STOP = Finding(CheckId.PUBLIC_URL, Level.STOP, "nobody can follow links", Place("letterpress.toml", 3), "set public_url")
WARN = Finding(CheckId.SUBJECT, Level.WARN, "shouts")
FINE = Finding(CheckId.SPF, Level.PASS, "fine")
REPORT = Report("news", 3, (STOP, WARN, FINE))


def test_every_check_says_something(tmp_path: Path) -> None:
    """Whatever it finds; with letters and without."""
    seen = inspected(tmp_path)
    assert {one.id for one in CHECKS} == set(CheckId) and len(CHECKS) == len(CheckId)
    for each in (seen, replace(seen, samples=())):
        report = check(each)
        assert {finding.check for finding in report.findings} == set(CheckId)
        assert sum(report.counts.values()) == len(report.findings) and report.letters == len(each.samples)


def test_nothing_is_passed_without_having_looked(tmp_path: Path) -> None:
    """Without letters, what reads letters is unchecked."""
    report = check(replace(inspected(tmp_path), samples=()))
    readers = {one.id for one in CHECKS if one.reads_letters}
    assert {one.check for one in report.findings if one.level is Level.UNCHECKED} >= readers


def test_first_use_is_stopped_by_nothing(tmp_path: Path) -> None:
    """A folder, an example's domain, links to this machine."""
    assert check(inspected(tmp_path, public_url="http://127.0.0.1:8085")).stops == ()


def test_the_starter_says_nothing_of_recipients(tmp_path: Path) -> None:
    """No finding holds a name or an address of the sample."""
    report = check(inspected(tmp_path, esp=SENDGRID))
    words = " ".join(f"{one.found} {one.hint}" for one in report.findings)
    for recipient in PEOPLE:
        assert recipient.address not in words and str(recipient.attributes["first_name"]) not in words.split()


def test_a_stop_is_told_with_its_check_place_hint_and_the_way_out() -> None:
    """One line each, and how to send in spite of it."""
    with pytest.raises(InvalidInput) as caught:
        settle(REPORT, Acceptance())
    told = str(caught.value).splitlines()
    assert told[0] == "letterpress.toml:3: public_url: nobody can follow links (set public_url)"
    assert "--accept public_url" in told[1] and "subject" not in str(caught.value)


def test_accepting_every_stop_lets_the_send_go_and_tells_what_was_accepted() -> None:
    """What passed cannot be accepted; a warning can, so that it is on record."""
    accepted = acceptance_of(["public-url", "SUBJECT", "spf"], "the relay rewrites links")
    assert settle(REPORT, accepted) == (STOP, WARN)
    assert settle(replace(REPORT, findings=(FINE, WARN)), Acceptance()) == ()


def test_accepting_one_stop_does_not_accept_another() -> None:
    """Each check is named by itself."""
    other = Finding(CheckId.DMARC, Level.STOP, "no policy")
    with pytest.raises(InvalidInput, match="dmarc: no policy"):
        settle(replace(REPORT, findings=(STOP, other)), acceptance_of(["public_url"], "why"))


@pytest.mark.parametrize(
    ("checks", "because", "said"),
    [
        (["pubic_url"], "why", "did you mean public_url?"),
        (["everything"], "why", "known: from_domain"),
        (["spf"], None, "--accept needs a reason"),
        (["spf"], "  ", "--accept needs a reason"),
        ([], "why", "nothing is"),
    ],
)
def test_an_acceptance_names_a_check_and_a_reason(checks: list[str], because: str | None, said: str) -> None:
    """A name that is no check, a reason that is none, a reason for nothing: mistakes."""
    with pytest.raises(InputError, match=said):
        acceptance_of(checks, because)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small campaign's folder."""
    return write(tmp_path_factory.mktemp("covering"))


@given(st.lists(st.frozensets(st.integers(0, 7)), min_size=1, max_size=6))
def test_a_sample_shows_every_variant_that_somebody_may_see(campaign: Path, seen_by: list[frozenset[int]]) -> None:
    """Each slate is whole and its recipient may see what is not default; together they cover what anybody may see."""
    content = compile_campaign(campaign)
    names = [(v.placement, v.variant) for v in content.variants]
    eligible = [
        {p.placement: tuple(v for n, (at, v) in enumerate(names) if at == p.placement and n in own) for p in content.campaign.placements}
        for own in seen_by
    ]
    letters = covering_slates(content, eligible)
    shown = set()
    for who, slate in letters:
        for placement in content.campaign.placements:
            chosen, defaults = slate[placement.placement], content.default_slate(placement.placement)
            assert len(chosen) == len(set(chosen)) == placement.positions
            assert set(chosen) <= set(defaults) | set(eligible[who][placement.placement])
            shown |= {(placement.placement, v) for v in chosen}
    assert shown >= {(placement, v) for own in eligible for placement, variants in own.items() for v in variants}
    assert len(letters) <= 2 * len(seen_by) + len(names)
    assert {who for who, _ in letters} == set(range(len(seen_by)))


def test_the_starters_variants_are_all_met() -> None:
    """Forty-odd variants need few letters."""
    content = compile_campaign(STARTER)
    eligible = [{p.placement: tuple(v.variant for v in content.of(p.placement)) for p in content.campaign.placements}] * 50
    letters = covering_slates(content, eligible)
    shown = {(placement, variant) for _, slate in letters for placement, variants in slate.items() for variant in variants}
    assert shown == {(v.placement, v.variant) for v in content.variants} and len(letters) < 120


def test_the_guide_names_every_check_in_their_order() -> None:
    """A check that is not explained cannot be accepted with open eyes."""
    guide = (Path(__file__).resolve().parents[2] / "docs" / "compliance.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE) == [one.id.value for one in CHECKS]
