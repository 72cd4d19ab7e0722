"""Opaque words that stand in for pieces of source while a tool works that must not see them.

The MJML compiler escapes, drops or miscounts Jinja; html2text would wrap it. So each Jinja tag (or any other piece) is exchanged for
a word of letters and digits, and exchanged back afterwards.
"""

import re

_STRINGS = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
JINJA = re.compile(
    r"\{#.*?#\}"
    r"|\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\}"
    rf"|\{{\{{(?:{_STRINGS}|[^'\"])*?\}}\}}"
    rf"|\{{%(?:{_STRINGS}|[^'\"])*?%\}}",
    re.DOTALL,
)
_OPENS = re.compile(r"\{%\s*(?:if|for|filter|with|set(?=[^=]*%\}))\b")
_CLOSES = re.compile(r"\{%\s*end\w+")
_WHOLE_TEMPLATE = re.compile(r"\{[{%#][-+]|[-+][}%#]\}|\{%\s*set\b")  # reaches beyond its own place: whitespace control, `set`


def segments(source: str) -> list[str]:
    """A template cut into parts that can be rendered by themselves: text, single expressions, and whole {% … %}…{% end… %} blocks.

    Joined they are the source. A template with whitespace control or `set` is one part.
    """
    if _WHOLE_TEMPLATE.search(source):
        return [source]
    parts, start, at, depth = list[str](), 0, 0, 0
    for tag in JINJA.finditer(source):
        if depth == 0:
            parts.append(source[at : tag.start()])
            start = tag.start()
        depth += bool(_OPENS.match(tag[0])) - bool(_CLOSES.match(tag[0]))
        at = tag.end()
        if depth == 0:
            parts.append(source[start:at])
    return [part for part in (*parts, source[at:]) if part]


class Tokens:
    """Words for pieces, and back. `salt` (hexadecimal, from the source's digest) makes words that the source does not contain."""

    def __init__(self, salt: str) -> None:
        self._prefix = f"lpt{salt}x"
        self.pattern = re.compile(rf"{self._prefix}(\d+)z")
        self._pieces: list[str] = []

    def put(self, piece: str) -> str:
        """A new word for a piece."""
        self._pieces.append(piece)
        return f"{self._prefix}{len(self._pieces) - 1}z"

    def mask(self, text: str) -> str:
        """The text with every Jinja tag exchanged for a word."""
        return JINJA.sub(lambda found: self.put(found[0]), text)

    def restore(self, text: str) -> str:
        """The text with every word exchanged back."""
        return self.pattern.sub(lambda found: self._pieces[int(found[1])], text)

    def in_text(self, text: str) -> bool:
        """Whether a word stands in the text."""
        return self.pattern.search(text) is not None
