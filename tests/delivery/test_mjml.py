"""MJML: reading with lines, rules, and compiling around the compiler's faults."""

import pytest

from delivery.cutting import check_balanced
from delivery.mjml import CompileError, compile_mjml
from delivery.mjml_rules import check_mjml
from delivery.mjml_tree import Element, read_mjml
from delivery.tokens import Tokens
from domain.errors import InvalidInput
from tests.published import PUBLISHED, needs_published_data

CORPUS = PUBLISHED / "mjml"


def complaints(source: str, parent: str = "mj-body") -> list[str]:
    """What is wrong with a source."""
    tokens = Tokens("ab")
    try:
        found = check_mjml(read_mjml(source, "f", tokens), parent, "f", tokens)
    except InvalidInput as error:
        found = list(error.mistakes)
    return [str(mistake) for mistake in found]


def compiled(body: str, head: str = "") -> str:
    """A letter's HTML."""
    tokens = Tokens("ab")
    source = f"<mjml><mj-head>{head}</mj-head><mj-body>{body}</mj-body></mjml>"
    html, _ = compile_mjml(read_mjml(source, "f", tokens), {}, tokens)
    return tokens.restore(html)


def text(content: str) -> str:
    return f"<mj-section><mj-column><mj-text>{content}</mj-text></mj-column></mj-section>"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("\n<mj-sektion></mj-sektion>", "f:2: unknown element <mj-sektion> (did you mean 'mj-section'?)"),
        ("<div>x</div>", "f:1: unknown element <div> (HTML stands in <mj-text>, <mj-table> or <mj-raw>, not directly in <mj-body>)"),
        ('<mj-section\n  paddng="1px" />', "f:2: <mj-section> has no attribute 'paddng' (did you mean 'padding'?)"),
        ('<mj-section padding="10" />', 'f:1: padding="10" is not what it takes (expected unit(px,%){1,4})'),
        ('<mj-section padding="10px auto" />', 'f:1: padding="10px auto" is not what it takes (expected unit(px,%){1,4})'),
        ('<mj-section text-align="middle" />', 'f:1: text-align="middle" is not what it takes (expected enum(left,center,right))'),
        ('<mj-section background-color="#12" />', 'f:1: background-color="#12" is not what it takes (expected color)'),
        ("<mj-text>x</mj-text>", "f:1: <mj-text> cannot stand in <mj-body> (it stands in <mj-column>, <mj-hero>)"),
        ("<mj-section>words</mj-section>", "f:1: text stands directly in <mj-section> (put it into <mj-text>)"),
        ("<mj-section>", "f:1: <mj-section> is never closed"),
        ("<mj-section>\n</mj-column></mj-section>", "f:2: </mj-column> closes nothing"),
        ("<mj-section><mj-column>\n</mj-section>", "f:1: <mj-column> is never closed"),
        ('<mj-section padding="1px>', "f:1: a tag that cannot be read (is a quote or a > missing?)"),
        ("<mj-section full-width />", 'f:1: attribute full-width has no value (write full-width="…")'),
        ('<mj-section padding="1px" padding="2px" />', "f:1: attribute padding occurs twice"),
        (
            "<mj-section {% if a %}padding='1px'{% endif %} />",
            "f:1: Jinja stands between attributes (put it into an attribute's value, or around the element)",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(source: str, expected: str) -> None:
    """What npm's validator says of MJML, and what the compiler would only stumble over, is said before it runs."""
    assert expected in complaints(source)


def test_layout_cannot_be_dynamic() -> None:
    """A size that differs between recipients is refused, because the compiler computes with it; a colour may differ."""
    found = complaints('<mj-section padding="{{ a }}px" background-color="{{ b }}" />')
    assert [line.partition(" (")[0] for line in found] == ["f:1: padding cannot hold Jinja"]


def test_lines_are_right_after_jinja_of_several_lines() -> None:
    """Jinja that spans lines does not shift what comes after it."""
    assert complaints("{# one\ntwo\nthree #}\n<mj-foo />")[0].startswith("f:4:")


@needs_published_data
def test_real_files_are_read_without_complaint() -> None:
    """The documents of MJML's own README files pass, but for three that use what we say we do not take."""
    found: dict[str, str] = {}
    for path in sorted(CORPUS.glob("*.mjml")):
        source, tokens = path.read_text(), Tokens("ab")
        roots = [node for node in read_mjml(source, "f", tokens) if isinstance(node, Element) and node.tag == "mjml"]
        complaints = [m.what for root in roots for m in check_mjml(root.children, "mjml", "f", tokens)]
        found |= {path.name: complaints[0]} if complaints else {}
    assert found == {
        "doc__getting_started_2.mjml": "<mj-section> has no attribute 'gutter'",
        "packages__mjml-head-style__README_0.mjml": "inline styles are not supported",
        "packages__mjml-raw__README_2.mjml": "<mj-raw> cannot stand in <mjml>",
    }


@needs_published_data
def test_real_files_compile_and_are_whole() -> None:
    """Whatever passes the rules compiles, and every tag is closed for both kinds of readers."""
    for path in sorted(CORPUS.glob("*.mjml")):
        tokens = Tokens("ab")
        roots = read_mjml(path.read_text(), "f", tokens)
        root = roots[0]
        if isinstance(root, Element) and root.tag == "mjml" and not check_mjml(root.children, "mjml", "f", tokens):
            html, _ = compile_mjml(roots, {}, tokens)
            check_balanced(tokens.mask(tokens.restore(html)))


@pytest.mark.parametrize(
    "jinja",
    ["{% if a < 3 and b > 2 %}x{% endif %}", '{{ a | default("<&>") }}', "{{ '}}' }}", "{% for x in [1, 2] %}<i>{{ x }}</i>{% endfor %}"],
)
def test_jinja_comes_through_text_untouched(jinja: str) -> None:
    """Comparison signs, quotes and tags inside Jinja are as they were written."""
    assert jinja in compiled(text(jinja))


def test_jinja_between_elements_is_kept() -> None:
    """A condition around a section stands around its HTML."""
    html = compiled("{% if a %}" + text("inner") + "{% endif %}")
    assert html.index("{% if a %}") < html.index("inner") < html.index("{% endif %}")


def test_quotes_and_entities_in_attributes_stay_escaped() -> None:
    """The compiler would write them out raw, and break the attribute."""
    section = '<mj-section><mj-column><mj-image alt="a &quot;b&quot; &amp; c" src=\'x"y\' /></mj-column></mj-section>'
    html = compiled(section)
    assert 'alt="a &quot;b&quot; &amp; c"' in html
    assert 'src="x&quot;y"' in html


def test_styles_are_kept_as_written() -> None:
    """Selectors and comparisons in CSS are not escaped."""
    css = "@media (width < 400px) { a > b::after { content: '&'; } }"
    assert css in compiled(text("x"), f"<mj-style>{css}</mj-style>")


def test_html_in_text_is_kept_as_written() -> None:
    """Even what an HTML parser would rewrite."""
    assert "<br>Line<BR/>&nbsp;&lt;<p>one<p>two" in compiled(text("<br>Line<BR/>&nbsp;&lt;<p>one<p>two"))


def test_comments_between_elements_do_not_go_out() -> None:
    """A note for colleagues, with its Jinja, stays in the source."""
    assert "secret" not in compiled("<!-- secret {{ nonsense -->" + text("x"))


def test_compiling_twice_gives_the_same() -> None:
    """Menus and carousels, too, for which the compiler draws random ids."""
    menu = '<mj-section><mj-column><mj-navbar hamburger="hamburger"><mj-navbar-link href="https://a.example">A</mj-navbar-link></mj-navbar>'
    carousel = '<mj-carousel><mj-carousel-image src="https://a.example/a.png" /></mj-carousel></mj-column></mj-section>'
    first, second = compiled(menu + carousel), compiled(menu + carousel)
    assert first == second


def test_the_compilers_own_failures_are_ours() -> None:
    """Whatever it raises becomes a CompileError."""
    tokens = Tokens("ab")
    with pytest.raises(CompileError):
        compile_mjml(read_mjml("<mjml></mjml>", "f", tokens), {}, tokens)
