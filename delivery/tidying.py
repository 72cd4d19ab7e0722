"""Plain text without the empty lines that Jinja's statements leave behind, and where such text can be cut so that it comes out the same.

What is tidied are runs of white space, so a text can be cut wherever something else stands for certain: at the ends of what is the same
for all recipients. What is left to be set for each of them is then as little as it can be.
"""

import re
from dataclasses import dataclass
from itertools import groupby

from delivery.jinja_check import is_personal
from delivery.tokens import segments

_EMPTY_LINES = re.compile(r"\n\s*\n\s*\n")


@dataclass(frozen=True, slots=True)
class Tidy:
    """Tidies a text, or a part of one: the first part has nothing before it, the last one nothing after it."""

    first: bool = True
    last: bool = True

    def __call__(self, text: str) -> str:
        text = text.lstrip() if self.first else text
        return _EMPTY_LINES.sub("\n\n", text.rstrip() if self.last else text)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text's source, and how it is tidied."""

    source: str
    personal: bool
    tidy: Tidy


def parts_of(source: str) -> list[Part]:
    """The text in parts that can be rendered and tidied by themselves: constant ones, which neither begin nor end with white space, and
    personal ones with all that is around them."""
    cut: list[tuple[str, bool]] = []
    for personal, run in groupby(segments(source), key=is_personal):
        text = "".join(run)
        core = "" if personal else text.strip()
        before, after = text.partition(core)[::2] if core else (text, "")
        cut += [(before, True), (core, False), (after, True)] if core else [(text, True)]
    runs = [("".join(text for text, _ in run), personal) for personal, run in groupby(cut, key=lambda one: one[1])]
    kept = [(text, personal) for place, (text, personal) in enumerate(runs) if text.strip() or 0 < place < len(runs) - 1]
    return [Part(text, personal, Tidy(place == 0, place == len(kept) - 1)) for place, (text, personal) in enumerate(kept)]
