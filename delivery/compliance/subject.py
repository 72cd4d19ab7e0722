"""The subject lines of the sample, by variant."""

import re
from collections.abc import Iterator

from delivery.compliance.inspection import Inspection
from delivery.compliance.report import CheckId, Finding, Level
from domain.campaign import PlacementKind
from domain.content import Variant

_LONGEST = 90  # characters; desktops show some 70, telephones 30 to 40
_LEAST_LETTERS = 12  # below which capitals may be a name
_CAPITALS = 0.8
_REPLY = re.compile(r"(?:re|fwd?|aw|wg|tr|rv)\s*:", re.IGNORECASE)
_SHOUTED = re.compile(r"!{2,}|\?{3,}|\${2,}|€{2,}")


def subject(seen: Inspection) -> Iterator[Finding]:
    """A subject that is not empty (STOP), and does not do what filters and readers take for spam (WARN): capitals throughout, `!!`, more
    than 90 characters, or a `Re:` that answers nothing, which Gmail's rules forbid and CAN-SPAM §5(a)(2) calls deceptive."""
    [placement] = [p.placement for p in seen.content.campaign.placements if p.kind is PlacementKind.SUBJECT]
    for variant in seen.content.of(placement):
        lines = [s.parts.subject for s in seen.samples if s.slate[placement][0] == variant.variant]
        if lines:
            yield from _findings(variant, lines, seen)


def _findings(variant: Variant, lines: list[str], seen: Inspection) -> Iterator[Finding]:
    place, whose = seen.variant_place(variant), f"the subject {variant.variant}"
    judged = (
        (Level.STOP, "is empty", [not line.strip() for line in lines]),
        (Level.WARN, "is in capitals", [_shouts(line) for line in lines]),
        (Level.WARN, "shouts (!!)", [_SHOUTED.search(line) is not None for line in lines]),
        (Level.WARN, "looks like an answer (Re:) and is none", [_REPLY.match(line.strip()) is not None for line in lines]),
        (Level.WARN, f"has more than {_LONGEST} characters", [len(line) > _LONGEST for line in lines]),
    )
    for level, what, holds in judged:
        if any(holds):
            yield Finding(CheckId.SUBJECT, level, f"{whose} {what} ({sum(holds)} of {len(lines)} sample letters with it)", place)


def _shouts(line: str) -> bool:
    letters = [c for c in line if c.isupper() or c.islower()]
    return len(letters) >= _LEAST_LETTERS and sum(c.isupper() for c in letters) >= _CAPITALS * len(letters)
