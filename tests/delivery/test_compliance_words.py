"""Merge tags that nobody filled in, greetings without a name, and where links lead."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.compliance.destinations import http_links, link_hosts
from delivery.compliance.markup import read_page
from delivery.compliance.merge_tags import TAGS, greeting, merge_tags
from delivery.compliance.report import Level
from tests.delivery.campaigns import block
from tests.delivery.compliance_cases import FOLDER, PEOPLE, SENDGRID, found, inspected, places

OTHERS = [
    *("*|FNAME|*", "*|LIST:COMPANY|*", "%recipient.first_name%", "%unsubscribe_url%", "%%FirstName%%", "%FIRSTNAME%", "[[first_name]]"),
    *("[firstname,fallback=friend]", "-first_name-", "-name-", "-email-", "${user.name}", "##vorname##", "{first_name}", "[FNAME]"),
]
PROSE = [
    *("100% wool, 50%-70% off", "a well-known, time-tested recipe", "Sizes S - M - L", "[1] see below", "{ and }", "5 * 3 | 4 * 2"),
    *("$20 {today}", "Items #1 and ##2", "over-the-counter", "20%OFF20%", "a [link] in brackets", "-50- degrees", "read [[1]]"),
]


@pytest.mark.parametrize("tag", OTHERS)
def test_merge_tags_of_other_systems_are_found_where_they_stand(tmp_path: Path, tag: str) -> None:
    """In a block, with file and line."""
    seen = inspected(tmp_path, hero__first_DOT_mjml=block(f"Dear {tag}, welcome", default="true"))
    [finding] = merge_tags(seen)
    assert f"readers would see {tag} (" in finding.found and finding.where == "news/hero/first.mjml:5"
    assert finding.level is (Level.WARN if tag in ("{first_name}", "[FNAME]") else Level.STOP)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_not_taken_for_merge_tags(tmp_path: Path, text: str) -> None:
    """Prices, hyphens, brackets and footnotes."""
    assert found(merge_tags, inspected(tmp_path, hero__first_DOT_mjml=block(text, default="true"))) == []


def test_every_kind_of_tag_matches_its_own_example() -> None:
    """And nothing of our signed links, which are base64."""
    for tag in TAGS:
        assert tag.pattern.search(f"Dear {tag.example}, hello")


@given(st.from_regex(r"[A-Za-z0-9_-]{40,60}", fullmatch=True))
def test_signed_links_hold_no_tag(token: str) -> None:
    """Whatever letters a token has: addresses are not read as words."""
    page = read_page(f'<p>See <a href="https://fernhaus.de/c/{token}">this</a></p>')
    assert not any(tag.pattern.search(page.text) for tag in TAGS)


def test_jinja_that_is_left_alone_on_purpose_is_found(tmp_path: Path) -> None:
    """What stands in {% raw %} reaches the reader; what was filled in does not count, in the same file."""
    text = block("{{ recipient.first_name }}, {% raw %}{{ name }}{% endraw %}", default="true")
    seen = inspected(tmp_path, hero__first_DOT_mjml=text)
    assert [(one.level, one.where) for one in merge_tags(seen)] == [(Level.STOP, "news/hero/first.mjml:5")]


def test_a_value_that_holds_a_tag_is_put_down_to_its_column(tmp_path: Path) -> None:
    """A WARN without the value: one recipient's name stops no send, not even one that is spelled like our own Jinja."""
    hostile = replace(PEOPLE[0], attributes={"first_name": "{{ recipient.first_name }} *|FNAME|*"})
    seen = inspected(tmp_path, people=(*PEOPLE, hostile), hero__first_DOT_mjml=block("Hi {{ recipient.first_name }}", default="true"))
    [finding] = merge_tags(seen)
    assert finding.level is Level.WARN and "column first_name" in finding.found and "FNAME" not in finding.found


@pytest.mark.parametrize("name", ["", " ", "None", "null", "nan"])
def test_a_greeting_without_a_name_is_warned_of(tmp_path: Path, name: str) -> None:
    """With where the name is printed."""
    nobody = replace(PEOPLE[0], attributes={"first_name": name})
    seen = inspected(
        tmp_path, people=(*PEOPLE, nobody), hero__first_DOT_mjml=block("Dear {{ recipient.first_name }}, welcome", default="true")
    )
    [finding] = greeting(seen)
    assert finding.level is Level.WARN and finding.place


@pytest.mark.parametrize(
    "text", ["Hello, here is news", "Bonjour !", "<b>Hello</b>, you", "Hi there , said he", "Dear Nancy,", "Oh dear, nothing"]
)
def test_greetings_without_a_blank_for_a_name_are_fine(tmp_path: Path, text: str) -> None:
    """Nobody was meant to be named, or somebody was."""
    assert found(greeting, inspected(tmp_path, hero__first_DOT_mjml=block(text, default="true"))) == []


def link(url: str) -> str:
    """A block with a link."""
    return block(f'<a href="{url}">Look</a>', default="true")


@pytest.mark.parametrize(
    ("url", "level", "said"),
    [
        ("https://bit.ly/abc", "warn", "hides where it leads behind bit.ly"),
        ("https://9.9.9.9/x", "warn", "leads to an IP address"),
        ("https://user:pass@fernhaus.de/", "warn", "has a user name in it"),
        ("https://192.168.0.9/x", "stop", "leads nowhere for readers"),
        ("https://staging.internal/x?a=1&amp;b=2", "stop", "leads nowhere for readers"),
    ],
)
def test_links_that_filters_or_readers_stumble_over_are_named(tmp_path: Path, url: str, level: str, said: str) -> None:
    """Each with its place; the small campaign's own hosts are reserved, so only this one is asked for."""
    seen = inspected(tmp_path, esp=SENDGRID, hero__first_DOT_mjml=link(url))
    shown = [(one.level.value, one.where) for one in link_hosts(seen) if said in one.found and one.found.startswith(url[:20])]
    assert shown == [(level, "news/hero/first.mjml:5")]


def test_hosts_that_nobody_reaches_do_not_matter_while_nobody_reads(tmp_path: Path) -> None:
    """The demo links to a shop that does not exist."""
    assert found(link_hosts, inspected(tmp_path, esp=FOLDER)) == []


def test_http_is_named_in_links_and_pictures(tmp_path: Path) -> None:
    """And not in the names of XML that every letter holds."""
    assert found(http_links, inspected(tmp_path)) == []
    text = block('<a href="http://fernhaus.de/a?b=1&amp;c=2">A</a> <img src="http://fernhaus.de/b.png" alt="B">', default="true")
    seen = inspected(tmp_path, hero__first_DOT_mjml=text)
    assert sorted(one.found for one in http_links(seen)) == [
        "http://fernhaus.de/a?b=1&c=2 is not https",
        "http://fernhaus.de/b.png is not https",
    ]
    assert places(http_links, seen) == ["news/hero/first.mjml:5"] * 2


def test_addresses_made_from_values_are_counted_and_not_shown(tmp_path: Path) -> None:
    """They may hold what is known of somebody."""
    seen = inspected(tmp_path, hero__first_DOT_mjml=link("http://fernhaus.de/{{ recipient.first_name }}"))
    assert [one.found for one in http_links(seen)] == ["3 such addresses are made from values of recipients"]


def test_many_addresses_are_summed_up(tmp_path: Path) -> None:
    """Ten are listed, the rest counted."""
    links = " ".join(f'<a href="http://fernhaus.de/{n}">A</a>' for n in range(25))
    shown = found(http_links, inspected(tmp_path, hero__first_DOT_mjml=block(links, default="true")))
    assert len(shown) == 11 and shown[-1] == ("warn", "15 more such addresses")


def test_what_is_seen_is_read_as_a_mail_program_shows_it() -> None:
    """Comments, heads and hidden parts are not; words of a line stay together, paragraphs apart; the preview is what is hidden in front."""
    page = read_page(
        "<html><head><title>No</title><style>no{}</style></head><body>"
        '<div style="display:none;max-height:0">Preview&#8204;&nbsp;&#8204;</div><!-- no --><!--[if mso]><p>no</p><![endif]-->'
        '<div style="font-size:0px"><p style="font-size:13px">He<b>llo</b>, you</p></div><p>Next<br>line <img src="a" alt="x"></p>'
        '<a href="https://a.b/">Go <img src="i" alt="there"></a><script>no</script><span style="visibility: hidden">no</span>'
    )
    assert (page.text, page.preview) == ("Hello, you Next line Go", "Preview")
    assert [(a.href, a.label) for a in page.anchors] == [("https://a.b/", "Go there")]
    assert (page.images, page.words, page.active) == (2, 5, {"script"})


@given(st.text(max_size=200))
def test_any_html_can_be_read(html: str) -> None:
    """Broken markup is read as far as it goes."""
    assert read_page(html).words >= 0
