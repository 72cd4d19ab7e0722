"""Reads a bounce: by the server's words, then its enhanced code, then SMTP's code, beside what the ESP makes of it. Pure."""

import re

from delivery.esp.reasons import reason_of
from delivery.webhooks.bounce_words import CODES, PATTERNS, STATUSES, SUBJECTS
from domain.bounce import CLASS_OF, Bounce, BounceCause, BounceClass

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s\-;:<]|$)")
_LONGEST = 2_000  # of what a server says, for patterns to be tried on
_GONE = frozenset({BounceCause.NO_MAILBOX, BounceCause.NO_DOMAIN})
# Causes that speak against "nobody is there", whatever an ESP makes of them.
_SOMEBODY_IS_THERE = frozenset(cause for cause, kind in CLASS_OF.items() if kind in (BounceClass.SOFT, BounceClass.BLOCKED)) - {
    BounceCause.UNREACHABLE,
    BounceCause.PROTOCOL,
    BounceCause.FAILING,
}


def bounce_of(
    text: str | None, *, status: str | None = None, verdict: BounceClass | None = None, cause: BounceCause | None = None
) -> Bounce:
    """Classify.

    `status`: the enhanced code where the ESP tells it apart from the text. `verdict` and `cause`: what the ESP itself makes of it.

    A verdict of HARD holds unless the server's words say that the mailbox is there (full, or refusing us). A milder one holds unless the
    server says for good (5yz) that there is no such mailbox or domain. Without a verdict the cause decides, and nothing that is for
    now (4yz) is HARD.
    """
    words = (text or "")[:_LONGEST]
    found = _ENHANCED.search(status or "") or _ENHANCED.search(words)
    enhanced = found.group(1) if found else None
    code = _CODE.search(words)
    why = _by_words(words) or cause or _by_status(enhanced) or _by_code(code.group(1) if code else None) or BounceCause.OTHER
    digit = (enhanced or (code.group(1) if code else ""))[:1]
    return Bounce(_class_of(why, digit, verdict), why, enhanced, reason_of("", words))


def _by_words(words: str) -> BounceCause | None:
    return next((cause for cause, pattern in PATTERNS.items() if pattern.search(words)), None) if words else None


def _by_status(enhanced: str | None) -> BounceCause | None:
    if enhanced is None or enhanced[0] == "2":
        return None
    _, _, rest = enhanced.partition(".")
    return STATUSES.get(rest) or SUBJECTS.get(rest.partition(".")[0])


def _by_code(code: str | None) -> BounceCause | None:
    return CODES.get(code or "")


def _class_of(cause: BounceCause, digit: str, verdict: BounceClass | None) -> BounceClass:
    own = CLASS_OF[cause]
    if verdict is BounceClass.HARD:
        return own if cause in _SOMEBODY_IS_THERE else BounceClass.HARD
    if verdict in (BounceClass.SOFT, BounceClass.BLOCKED):
        if cause in _GONE and digit == "5":
            return BounceClass.HARD
        return own if own in (BounceClass.SOFT, BounceClass.BLOCKED) else verdict
    return BounceClass.SOFT if own is BounceClass.HARD and digit == "4" else own
