"""What can stand in a fragment, which goes into other people's pages as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.fragments import MOST, check_fragment, read_fragment

GOOD = '<section class="hero"><h2>Wool &amp; flax</h2><img src="/w.jpg" alt="A sheep"><br><p>Soft<p>Warm<a href="/wool">Look</a></section>'


def faults(text: str) -> list[tuple[int | None, str]]:
    """Line and first words of each mistake."""
    return [(one.line, one.what) for one in check_fragment(text, "web/hero/x.html")]


def test_text_pictures_and_links_are_fine() -> None:
    """Relative addresses too: the page is on the site. Alternative texts are read out."""
    assert faults(GOOD) == []
    assert read_fragment(GOOD).alt == ("A sheep",)
    assert faults('<svg viewBox="0 0 1 1"><path d="M0 0"/><circle r="1"/></svg>') == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<p>Hello\n{{ recipient.first_name }}</p>", "'recipient' cannot stand in a fragment"),
        ("<p>\n<a href='{{ unsubscribe_url }}'>x</a></p>", "'unsubscribe_url' cannot stand"),
        ("<p>\n{% if recipient.orders > 2 %}x{% endif %}</p>", "'recipient' cannot stand"),
        ("<p>\n{{ campaign.title }}</p>", "would be published as it stands"),
        ("<p>\n{{ half a statement</p>", "would be published as it stands"),
        ("<p>\n<script>alert(1)</script></p>", "<script> would run"),
        ("<p>\n<IFRAME src='/x'></IFRAME></p>", "<iframe> would run"),
        ("<p>\n<img src='/x' alt='' ONERROR=alert(1)></p>", "onerror of <img> would run"),
        ("<p>\n<a href='javascript:alert(1)'>x</a></p>", "href of <a> would run"),
        ("<p>\n<a href=' java\tscript:alert(1)'>x</a></p>", "href of <a> would run"),
        ("<p>\n<a href='&#106;avascript:alert(1)'>x</a></p>", "href of <a> would run"),
        ("<p>\n<form action='vbscript:x'></form></p>", "action of <form> would run"),
        ("<p>\n<svg><animate to='javascript:x'/></svg></p>", "to of <animate> would run"),
        ("<p>\n<img src='/x'></p>", "a picture without alt"),
        ("<div>\n<p>x</section></div>", "</section> closes nothing"),
        ("<div>\n<b>x</div>", "<b> is not closed before </div>"),
        ("<p>\n<!-- a note --></p>", "a comment would be published"),
        ("<p>\n<textarea><img title='</textarea><script>x</script>'></p>", "<textarea> cannot stand"),
        ("<svg>\n<style><a></style></svg>", "a < that begins no tag"),
        ("<p>\n<link rel=stylesheet href=x></p>", "<link> is for pages"),
        ("\n<!doctype html><p></p>", "<!doctype html> is for pages"),
        ("<p>x</p>\n<img alt='' src='/x'", "a tag is not finished"),
        ("<p>\n3 < 4</p>", "a < that begins no tag"),
    ],
)
def test_what_would_run_or_fill_in_or_break_the_page_is_refused_with_its_line(text: str, said: str) -> None:
    """The first mistake names it, in the second line."""
    line, what = next((line, what) for line, what in faults(text) if said in what)
    assert (line, said in what) == (2, True)


def test_what_stays_open_is_told_where_it_was_opened() -> None:
    """Not at the end of the file."""
    assert faults("<p>x</p>\n<div>\n<p>y</p>\n") == [(2, "<div> is never closed")]


def test_a_fragment_is_not_a_page() -> None:
    """By size; and one with nothing in it shows nothing."""
    assert faults(f"<p>{'x' * MOST}</p>")[0][1].startswith("a fragment of 65,5")
    assert faults("\n  \n") == [(1, "there is nothing in it")]


@given(st.text(alphabet="<>/!-?abp \"'={}%&;\n", max_size=60))
def test_whatever_is_written_is_answered(text: str) -> None:
    """With mistakes, never with an exception; each has a line of the text."""
    assert all(1 <= (line or 0) <= text.count("\n") + 1 for line, _ in faults(text))
