"""Cutting and balance."""

import pytest

from delivery.cutting import CutError, check_balanced, cut
from delivery.mjml import compile_mjml
from delivery.mjml_tree import read_mjml
from delivery.tokens import Tokens

SECTION = "<mj-section background-color='#fff'><mj-column width='{}'><mj-text>{}</mj-text></mj-column></mj-section>"
FRAME = "<mjml><mj-body>{}<mj-wrapper><lp-placement name='hero' /></mj-wrapper>{}</mj-body></mjml>"


def pieces() -> tuple[Tokens, tuple[str, ...], dict[tuple[str, str], str]]:
    """A frame with two variants, cut."""
    tokens = Tokens("ab")
    frame = read_mjml(FRAME.format(SECTION.format("100%", "before"), SECTION.format("100%", "after")), "f", tokens)
    variants = {name: read_mjml(SECTION.format(width, name), "f", tokens) for name, width in (("alpha", "33%"), ("omega", "47%"))}
    html, marks = compile_mjml(frame, {"hero": variants}, tokens)
    found = cut(html, marks)
    restored = {key: tokens.restore(block) for key, block in found.blocks.items()}
    return tokens, tuple(map(tokens.restore, found.chunks)), restored


def test_each_block_is_its_variant_and_no_other() -> None:
    """The frame has neither, and each block has its own text."""
    _, chunks, blocks = pieces()
    assert ("before" in chunks[0], "after" in chunks[1], len(chunks)) == (True, True, 2)
    assert ("alpha" in blocks["hero", "alpha"], "omega" in blocks["hero", "alpha"], "alpha" in "".join(chunks)) == (True, False, False)


def test_the_head_serves_every_block() -> None:
    """Media queries of all variants are in the frame's head: a block that is not in a letter leaves only CSS behind."""
    _, chunks, _ = pieces()
    assert "mj-column-per-33" in chunks[0]
    assert "mj-column-per-47" in chunks[0]


def test_blocks_and_frame_are_whole_for_outlook_and_everyone_else() -> None:
    """What is opened in a block is closed in it, conditions of Outlook included."""
    _, chunks, blocks = pieces()
    for html in (*blocks.values(), "".join(chunks)):
        check_balanced(html)


@pytest.mark.parametrize(
    ("html", "what"),
    [
        ("<div><p>x</div>", None),
        ("<ul><li>a<li>b</ul>", None),
        ("<table><tr><td>x</table>", "<td> is not closed before </table>"),
        ("<div>", "<div> is never closed"),
        ("</div>", "</div> closes nothing"),
        ("<img src='a>b'><br>", None),
        ("<!--[if mso]><table><tr><td><![endif]-->x<!--[if mso]></td></tr></table><![endif]-->", None),
        ("<!--[if mso]><table><![endif]-->x", "<table> is never closed as Outlook reads it"),
        ("<!--[if mso]><b>x</b>", "a comment or an Outlook condition is not closed"),
        ("<!--[if !mso]><!--><b>x</b><!--<![endif]-->", None),
    ],
)
def test_what_is_not_closed_is_told(html: str, what: str | None) -> None:
    """Both readings are checked; optional end tags may be left out."""
    if what is None:
        check_balanced(html)
    else:
        with pytest.raises(CutError) as caught:
            check_balanced(html)
        assert caught.value.what == what
