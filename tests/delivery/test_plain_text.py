"""Plain-text twins."""

import pytest

from delivery.plain_text import plain_text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>Title</h1><p>One</p><p>Two</p>", "Title\n\nOne\n\nTwo"),
        ("<p>1. not a list * _x_ # &amp; &lt;b&gt; a\\b</p>", "1. not a list * _x_ # & <b> a\\b"),
        ("<p>- dash</p><ul><li>one</li></ul>", "- dash\n\n  - one"),
        ('<a href="https://a.example/?x=1&amp;y=2">Go <b>now</b></a>', "Go now: https://a.example/?x=1&y=2"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="mailto:a@b.example">Write</a>', "Write: a@b.example"),
        ('<a href="#top">Up</a>', "Up"),
        ('<a href="https://a.example"><img src="x" alt="A picture"></a>', "A picture: https://a.example"),
        ('<img src="x" alt="Alone"> after', "Alone after"),
        ('<div style="display:none;color:red">hidden</div>seen<style>p {}</style>', "seen"),
        ('a<span class="x" aria-hidden="true">☆</span>b', "ab"),
        ("<p>a</p><!--[if mso | IE]><table><tr><td><![endif]--><p>b</p><!--[if mso | IE]></td></tr></table><![endif]-->", "a\n\nb"),
        ("<table><tr><td>left</td></tr><tr><td>below</td></tr></table>", "left\nbelow"),
    ],
)
def test_html_reads_as_text(html: str, expected: str) -> None:
    """Paragraphs apart, links after their labels, nothing hidden, nothing escaped."""
    assert plain_text(html, "ab") == expected


def test_jinja_is_kept_and_its_own_marks_are_left_alone() -> None:
    """The text is a template; what Jinja says in it is not taken for HTML or Markdown."""
    html = '<p>{{ a | default("<b>*_#") }}</p>{% if a < 3 %}<p>few</p>{% endif %}<a href="{{ _links["x"] }}">Go</a>'
    text = plain_text(html, "ab")
    for kept in ('{{ a | default("<b>*_#") }}', "{% if a < 3 %}", "{% endif %}", 'Go: {{ _links["x"] }}'):
        assert kept in text


def test_a_links_own_address_is_text_and_not_html() -> None:
    """Entities around Jinja in an address are undone, because text has no entities."""
    html = '<a href="{% filter _link("x") %}https://a.example/?a={{ b }}&amp;c=1{% endfilter %}">Go</a>'
    assert plain_text(html, "ab") == 'Go: {% filter _link("x") %}https://a.example/?a={{ b }}&c=1{% endfilter %}'
