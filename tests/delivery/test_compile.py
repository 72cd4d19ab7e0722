"""From a folder to content."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from delivery.compile import check_campaign, compile_campaign
from delivery.sources import written_expressions
from domain.content import Content
from domain.ids import PlacementId
from tests.delivery.campaigns import CAMPAIGN, LETTER, SECTION, STARTER, block, mistakes_of, variant, with_file, write

COLUMNS = ("first_name", "country", "favourite", "orders", "spend", "tier")
STORY = PlacementId("news.story")


def test_the_starter_campaign_has_no_mistake() -> None:
    """It compiles against the columns of the simulated shop, with at least five variants for each placement."""
    content = compile_campaign(STARTER, COLUMNS)
    counts = {p.folder: len(content.of(p.placement)) for p in content.campaign.placements}
    assert all(count >= 5 for count in counts.values()), counts
    assert len({v.category for v in content.variants}) >= 5


def test_compiling_is_a_function_of_the_sources(tmp_path: Path) -> None:
    """The same files in two places give equal content; a changed word gives another version."""
    first, second = compile_campaign(write(tmp_path / "a")), compile_campaign(write(tmp_path / "b"))
    assert first == second
    changed = compile_campaign(with_file(tmp_path / "c", "story/three.mjml", block("Four")))
    assert changed.content_version != first.content_version


def test_content_survives_being_stored(tmp_path: Path) -> None:
    """JSON there and back is the same content."""
    content, adapter = compile_campaign(write(tmp_path)), TypeAdapter(Content)
    assert adapter.validate_json(adapter.dump_json(content)) == content


def test_frame_and_slots_alternate(tmp_path: Path) -> None:
    """One chunk more than places, in HTML and in text, in the order in which they stand in the letter."""
    frame = compile_campaign(write(tmp_path)).frame
    assert frame.slots == ("news.hero", "news.story")
    assert len(frame.html) == len(frame.text) == 3
    assert "Hello" in frame.text[0]
    assert "Unsubscribe: {{ unsubscribe_url }}" in frame.text[2]


def test_defaults_make_a_slate_by_rank(tmp_path: Path) -> None:
    """Two positions have two defaults, in the order of their ranks, whatever their names."""
    content = compile_campaign(write(tmp_path))
    assert content.default_slate(STORY) == ("one", "two")
    assert content.default_of(STORY).variant == "one"
    swapped = write(tmp_path / "b", story__one_DOT_mjml=block("1", default="2"), story__two_DOT_mjml=block("2", default="1"))
    assert compile_campaign(swapped).default_slate(STORY) == ("two", "one")


def test_only_what_reads_the_recipient_is_dynamic(tmp_path: Path) -> None:
    """The others are printed once per send."""
    content = compile_campaign(write(tmp_path))
    assert sorted(v.variant for v in content.variants if v.block.dynamic) == ["named", "second"]


def test_links_know_their_place(tmp_path: Path) -> None:
    """Links of blocks name placement and variant, those of the frame neither; every id is its own."""
    links = compile_campaign(write(tmp_path)).links
    assert [(link.placement, link.variant, link.url) for link in links] == [
        (None, None, "https://shop.example/"),
        ("news.hero", "first", "https://shop.example/first?a=1&b=2"),
        (STORY, "one", "https://shop.example/one"),
        (STORY, "two", "https://shop.example/two"),
    ]
    assert len({link.link_id for link in links}) == len(links)


def test_the_file_of_a_variant_does_not_depend_on_where_it_was_compiled(tmp_path: Path) -> None:
    """Messages about stored content name the campaign and the file."""
    assert compile_campaign(write(tmp_path)).variants[0].file == "news/hero/first.mjml"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("hero/first.mjml", None, "hero: hero has no default variant (write `default: true` into one variant's front matter)"),
        (
            "story/two.mjml",
            block("2"),
            "story: story has no default variant of rank 2 (write `default: 2` into one variant's front matter)",
        ),
        ("hero/second.mjml", block("2", default="true"), "hero/second.mjml:3: a second default"),
        ("hero/second.mjml", block("{{ nme }}"), "hero/second.mjml:4: 'nme' is not known here"),
        ("hero/second.mjml", block("{{ recipient.nme }}"), "hero/second.mjml:4: recipient has no column 'nme'"),
        ("hero/second.mjml", variant("<mj-section><mj-colum /></mj-section>"), "hero/second.mjml:4: unknown element <mj-colum>"),
        ("hero/second.mjml", variant("\n<mj-section>"), "hero/second.mjml:5: <mj-section> is never closed"),
        ("hero/second.mjml", block("<b>x"), "hero/second.mjml:4: in <mj-text>: <b> is never closed"),
        ("hero/second.mjml", block('\n<a href="/x">x</a>'), "hero/second.mjml:5: the link '/x' leads nowhere from a letter"),
        ("hero/second.mjml", block("{{ 1 / 0 }}"), "hero/second.mjml: an expression that cannot be computed (ZeroDivisionError)"),
        ("hero/second.mjml", variant("<mj-text>x</mj-text>"), "hero/second.mjml:4: <mj-text> cannot stand in <mj-body>"),
        ("heros/x.mjml", block("x"), "heros/x.mjml: the folder is no placement of campaign.yaml (did you mean 'hero'?"),
        ("hero/more/x.mjml", block("x"), "hero/more/x.mjml: variants stand directly in their placement's folder"),
        ("subject/two.txt", variant("one\ntwo"), "subject/two.txt:5: a subject is one line"),
        ("subject/plain.txt", variant("x", default="true", preheader="'{{ foo }}'"), "subject/plain.txt:4: 'foo' is not known here"),
        ("letter.mjml", LETTER.replace("unsubscribe_url", "preheader"), "letter.mjml: no unsubscribe link"),
        ("letter.mjml", LETTER.replace("{{ campaign.postal_address }}", ""), "letter.mjml: no postal address"),
        ("letter.mjml", LETTER.replace("{{ preheader }}", ""), "subject/plain.txt:4: nothing prints the preheader"),
        ("letter.mjml", LETTER.replace('<lp-placement name="hero" />', ""), "letter.mjml: placement 'hero' is not marked"),
        ("letter.mjml", LETTER.replace('"hero"', '"heroo"'), "letter.mjml:7: 'heroo' is no placement of kind block"),
        ("letter.mjml", LETTER.replace('"story"', '"hero"'), "letter.mjml:7: placement 'hero' is marked 2 times"),
        (
            "letter.mjml",
            LETTER.replace("mj-wrapper", "mj-section"),
            "letter.mjml:8: <lp-placement> cannot stand in <mj-section> (a block can be cut out of <mj-body>",
        ),
        ("letter.mjml", "<mj-section></mj-section>", "letter.mjml:1: a letter is one <mjml> element"),
        ("campaign.yaml", CAMPAIGN.replace("positions: 2", "positions: 4"), "story: story has 3 variants for 4 positions"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, name: str, content: str | None, expected: str) -> None:
    """One thing wrong in one file is told, where it is."""
    found = mistakes_of(with_file(tmp_path, name, content), ("first_name",))
    assert any(line.startswith(expected) for line in found), found


def test_a_place_in_a_condition_of_the_letter_is_refused(tmp_path: Path) -> None:
    """Each half of the letter has to be a template by itself."""
    marker = '<lp-placement name="hero" />'
    letter = LETTER.replace(marker, "{% if recipient.first_name %}" + marker + "{% endif %}")
    assert mistakes_of(with_file(tmp_path, "letter.mjml", letter))[0].startswith(
        "letter.mjml:7: a placement stands inside a Jinja block of the letter"
    )


def test_what_only_the_compiler_stumbles_over_is_told_with_its_file(tmp_path: Path) -> None:
    """When all together does not compile, each variant is tried alone."""
    broken = "<mj-hero><mj-text>no height, no background</mj-text></mj-hero>"
    found = mistakes_of(with_file(tmp_path, "hero/second.mjml", variant(broken)))
    assert [line.partition(" MJML cannot")[0] for line in found] == ["hero/second.mjml:4:"]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """In five files, whatever their kind, also beside a mistake in campaign.yaml."""
    folder = write(
        tmp_path,
        campaign_DOT_yaml=CAMPAIGN + "gaol: click\n",
        letter_DOT_mjml=LETTER.replace("preheader", "preheadr"),
        hero__second_DOT_mjml=block("{{ nme }}"),
        story__three_DOT_mjml=variant(SECTION.format("x").replace("mj-text", "mj-txt")),
        subject__named_DOT_txt=variant("{% if %}"),
    )
    files = {str(mistake.file).removeprefix(f"{folder}/") for mistake in check_campaign(folder)}
    assert files == {"campaign.yaml", "letter.mjml", "hero/second.mjml", "story/three.mjml", "subject/named.txt"}


def test_expressions_are_found_with_their_lines(tmp_path: Path) -> None:
    """The audience and the conditions, for whoever knows SQL to judge, even where Jinja is broken."""
    folder = with_file(tmp_path, "hero/second.mjml", block("{{ x", where="orders > 2"))
    found = [(written.text, Path(written.file).name, written.line) for written in written_expressions(folder)]
    assert found == [("TRUE", "campaign.yaml", 4), ("orders > 2", "second.mjml", 3)]
