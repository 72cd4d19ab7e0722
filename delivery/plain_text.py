"""The plain-text twin of compiled HTML: made once per block, itself a Jinja template."""

import re
from html import escape

import html2text

from delivery.tokens import Tokens

_ANCHOR = re.compile(r"""<a\s(?P<attrs>(?:"[^"]*"|'[^']*'|[^"'<>])*)>(?P<label>.*?)</a\s*>""", re.IGNORECASE | re.DOTALL)
_HREF = re.compile(r"""(?:^|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_IMAGE_TEXT = re.compile(r"""<img\b(?:"[^"]*"|'[^']*'|[^"'<>])*?\salt\s*=\s*(?:"([^"]*)"|'([^']*)')(?:"[^"]*"|'[^']*'|[^"'<>])*>""", re.I)
_UNSEEN = re.compile(r"<(style|title|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile(r'<div[^>]*style="[^"]*display:\s*none[^"]*"[^>]*>.*?</div>', re.IGNORECASE | re.DOTALL)
_DECORATION = re.compile(r'<(span|div|td|p|i)\b[^>]*\saria-hidden="true"[^>]*>[^<]*</\1\s*>', re.IGNORECASE)
_MARKUP = (
    (re.compile(r"^\s*#{1,6} ", re.MULTILINE), ""),  # headings
    (re.compile(r"\\([-+.#*_`\[\]()!>\\{}])"), r"\1"),  # characters that Markdown would want escaped
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*\|[ \t]*|(?<=\S)[ \t]*\|[ \t]*$|^(?:---\|?)+$", re.MULTILINE), ""),  # what is left of tables
    (re.compile(r"\n{3,}"), "\n\n"),
)


def plain_text(html: str, salt: str) -> str:
    """The text of HTML that holds Jinja: paragraphs apart by one empty line, links as `label: address`, images as their alt text."""
    tokens = Tokens(salt)
    masked = _DECORATION.sub("", _HIDDEN.sub("", _UNSEEN.sub("", tokens.mask(html))))
    shown = _IMAGE_TEXT.sub(lambda found: found[1] or found[2] or "", _ANCHOR.sub(_labelled, masked))
    text = _converter().handle(shown)
    for pattern, instead in _MARKUP:
        text = pattern.sub(instead, text)
    return tokens.restore(text).strip()


def _labelled(found: re.Match[str]) -> str:
    """`<a href="https://…">Label</a>` → `Label: https://…`; an address alone where there is no label or the label is the address."""
    href = _HREF.search(found["attrs"])
    address = (href[1] or href[2] or "").strip() if href else ""
    label = _IMAGE_TEXT.sub(lambda image: image[1] or image[2] or "", found["label"])
    words = re.sub(r"<[^>]*>", "", label).strip()
    if not address or address.startswith("#"):
        return label
    bare = re.sub(r"^(?:mailto|tel|sms):", "", address)
    if not words or words in (address, escape(address), bare):
        return bare
    return f"{label.rstrip()}: {bare}"


def _converter() -> html2text.HTML2Text:
    made = html2text.HTML2Text(bodywidth=0)
    made.ignore_links = made.ignore_images = made.ignore_emphasis = True
    made.ignore_tables = True
    made.unicode_snob = True
    made.ul_item_mark = "-"
    return made
