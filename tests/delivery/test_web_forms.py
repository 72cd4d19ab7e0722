"""Campaigns on pages, and blocks of letters that pages show too."""

from pathlib import Path

import pytest

from delivery.compile import compile_campaign
from domain.campaign import PlacementKind, Surface
from tests.delivery.campaigns import CAMPAIGN as LETTERS
from tests.delivery.campaigns import mistakes_of as mistakes_of_letters
from tests.delivery.campaigns import variant, with_file, write

PAGES = """\
title: The shop's pages
audience: "TRUE"
placements:
  home_hero: {kind: web}
  home_strip: {kind: web, positions: 2}
"""
FILES = {
    "campaign.yaml": PAGES,
    "home_hero/plain.html": variant("<p>Plain</p>", default="true"),
    "home_hero/spring.html": variant('<p>Spring <img src="/s.jpg" alt="Tulips"></p>', fields="{price: 4.5}", where="orders > 2"),
    "home_strip/one.html": variant("<p>One</p>", default="1"),
    "home_strip/two.html": variant("<p>Two</p>", default="2"),
    "home_strip/three.html": variant("<p>Three</p>"),
}


def pages(folder: Path, changes: dict[str, str | None] | None = None) -> Path:
    """The campaign `web` below a folder, with files written differently or left out."""
    for name, text in (FILES | (changes or {})).items():
        if text is not None:
            (folder / "web" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "web" / name).write_text(text)
    return folder / "web"


def mistakes(folder: Path) -> list[str]:
    """As they are shown, with paths relative to the campaign."""
    return mistakes_of_letters(folder)


def test_a_campaign_on_pages_may_ask_for_rollouts(tmp_path: Path) -> None:
    """As one of letters may."""
    campaign = compile_campaign(pages(tmp_path, {"campaign.yaml": PAGES + "rollout: {stages: [0.2, 1]}\n"})).campaign
    assert campaign.surface is Surface.WEB and campaign.rollout and campaign.rollout.stages == (0.2, 1.0)


def test_a_campaign_on_pages_needs_no_letter_sender_address_or_subject(tmp_path: Path) -> None:
    """Its variants are fragments; conditions, ranks and fields are read as ever."""
    content = compile_campaign(pages(tmp_path))
    assert content.campaign.surface is Surface.WEB and content.campaign.sender is None
    assert {one.kind for one in content.campaign.placements} == {PlacementKind.WEB}
    spring = next(one for one in content.variants if one.variant == "spring")
    assert (spring.web, dict(spring.fields), spring.where, spring.where_line) == (
        '<p>Spring <img src="/s.jpg" alt="Tulips"></p>',
        {"price": 4.5},
        "orders > 2",
        4,
    )
    assert content.default_slate(content.campaign.placements[1].placement) == ("one", "two")


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        (PAGES + "sender: {name: x, address: a@b.example}\n", "campaign.yaml:6: sender is for letters"),
        (PAGES + "departure: {per_minute: 6}\n", "campaign.yaml:6: departure is for letters"),
        (PAGES + "  subject: {kind: subject}\n", "campaign.yaml:3: a campaign is for letters or for pages, not both"),
        (PAGES.replace("{kind: web}", "{kind: web, web: true}"), "campaign.yaml:4: home_hero: web: true is for blocks of letters"),
        (PAGES + "permutations: [[home_hero, home_strip]]\n", "home_strip has 2 positions"),
        (PAGES + "permutations: [[home_hero, home_foot]]\n", "'home_foot' is no published placement"),
        (PAGES + "permutations: [[home_hero, home_hero]]\n", "named twice"),
    ],
)
def test_what_pages_cannot_have_is_told_with_its_line(tmp_path: Path, yaml: str, said: str) -> None:
    """Each in words of its own."""
    assert any(said in line for line in mistakes(pages(tmp_path, {"campaign.yaml": yaml})))


def test_a_letter_without_a_sender_or_an_address_is_a_mistake_as_ever(tmp_path: Path) -> None:
    """Only pages do without."""
    folder = with_file(
        tmp_path, "campaign.yaml", LETTERS.replace("postal_address: 1 High Street, Town\n", "").replace("sender:", "# sender:")
    )
    assert mistakes_of_letters(folder)[:2] == [
        "campaign.yaml:1: sender is missing",
        "campaign.yaml:1: postal_address is missing",
    ]


def test_a_fragments_mistake_has_the_line_of_its_file(tmp_path: Path) -> None:
    """Front matter counts."""
    folder = pages(tmp_path, {"home_hero/spring.html": variant("<p>\n{{ recipient.name }}</p>")})
    assert mistakes(folder)[0].startswith("home_hero/spring.html:5: 'recipient' cannot stand in a fragment")


def test_pages_have_no_letter_and_letters_have_no_html_of_their_own(tmp_path: Path) -> None:
    """A file in the wrong place is told of, not read as something else."""
    folder = pages(tmp_path, {"letter.mjml": "<mjml></mjml>"})
    assert mistakes(folder) == ["letter.mjml: a campaign on the web has no letter (delete it)"]
    letters = with_file(tmp_path / "other", "hero/third.html", "<p></p>")
    assert "hero/third.html: not a variant's file" in mistakes_of_letters(letters)[0]


BOTH = LETTERS.replace("  hero: {}\n", "  hero: {web: true}\n")


def test_a_block_that_pages_show_has_a_twin(tmp_path: Path) -> None:
    """The same variant, the same placement: the letter's form and the page's."""
    twins = {"hero__first_DOT_html": "<p>First</p>", "hero__second_DOT_html": "<p>Second</p>"}
    content = compile_campaign(write(tmp_path, campaign_DOT_yaml=BOTH, **twins))
    assert content.campaign.surface is Surface.MAIL
    found = {one.variant: one.web for one in content.variants if one.placement == "news.hero"}
    assert found == {"first": "<p>First</p>", "second": "<p>Second</p>"}
    assert all(one.web is None for one in content.variants if one.placement != "news.hero")
    assert all(one.block.html for one in content.variants if one.placement == "news.hero")


def test_a_twin_that_is_missing_or_alone_or_has_front_matter_is_a_mistake(tmp_path: Path) -> None:
    """Each with the file it is about."""
    twins = {"hero__first_DOT_html": "---\ncategory: news\n---\n<p>First</p>", "hero__third_DOT_html": "<p>Third</p>"}
    found = mistakes_of_letters(write(tmp_path, campaign_DOT_yaml=BOTH, **twins))
    assert found[0].startswith("hero/first.html:1: front matter")
    assert found[1].startswith("hero/second.mjml: hero/second.html is missing")
    assert found[2].startswith("hero/third.html: the fragment of a variant that is not there")


def test_fields_are_for_pages(tmp_path: Path) -> None:
    """A letter's block that no page shows has nobody to give them to."""
    folder = with_file(tmp_path, "subject/named.txt", variant("News\n", fields="{price: 3}"))
    assert mistakes_of_letters(folder)[0].startswith("subject/named.txt:3: fields are for pages")


def test_more_than_a_thousand_combinations_are_refused(tmp_path: Path) -> None:
    """Before anybody has written them."""
    yaml = 'title: x\naudience: "TRUE"\nplacements:\n  a: {kind: web}\n  b: {kind: web}\npermutations: [[a, b]]\n'
    files: dict[str, str | None] = dict.fromkeys(FILES)
    for name in ("a", "b"):
        files |= {f"{name}/v{n}.html": variant("<p>x</p>", **({"default": "true"} if n == 0 else {})) for n in range(32)}
    assert "a and b make 1,024 combinations" in mistakes(pages(tmp_path, files | {"campaign.yaml": yaml}))[0]
