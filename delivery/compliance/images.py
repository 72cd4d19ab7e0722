"""Pictures and their words, in what the campaign's author wrote: the compiler gives every picture an empty text."""

import re
from collections.abc import Iterator

from delivery.compliance.inspection import Inspection
from delivery.compliance.report import CheckId, Finding, Level, Place

_PICTURE = re.compile(r"""<(mj-image|mj-carousel-image|img)\b((?:"[^"]*"|'[^']*'|[^"'<>])*)>""", re.IGNORECASE)
_ALT = re.compile(r"(?:^|\s)alt\s*=", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def image_alt(seen: Inspection) -> Iterator[Finding]:
    """Every picture has an alt text, for those who do not see it (WCAG 2.2, 1.1.1) and for mail programs that do not load it; `alt=""` says
    that it is decoration. WARN, for each picture."""
    for file, source in seen.sources.items():
        bare = _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment[0]), source)
        for picture in _PICTURE.finditer(bare):
            if not _ALT.search(picture[2]):
                place = Place(file, source.count("\n", 0, picture.start()) + 1)
                hint = 'alt="what it shows", or alt="" if it is decoration'
                yield Finding(CheckId.IMAGE_ALT, Level.WARN, f"a picture (<{picture[1]}>) has no alt text", place, hint)
