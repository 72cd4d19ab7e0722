"""The JSON of `/v1/placements`: what was decided for the visitor where it can be shown, else the default, and why. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from domain.ids import PlacementId, RecipientId, decision_id_of
from domain.serving import StoredDecision, Trouble
from web.shelf import Place

Entries = Mapping[PlacementId, StoredDecision]

# Why a default was shown, beside what `Trouble` says. ANONYMOUS: nobody said who is asking; EXPIRED: their token is too old.
MISSING, STALE, UNPUBLISHED, ANONYMOUS, EXPIRED = "missing", "stale", "unpublished", "anonymous", "expired_token"
REASONS = (MISSING, STALE, UNPUBLISHED, ANONYMOUS, EXPIRED, *(trouble.value for trouble in Trouble))


@dataclass(slots=True)
class Visitor:
    """Whose page it is, and what was read for them. `read`: their own entries first, then those of their contexts, the best first.

    `nobody`: why there is no recipient. `token`: `valid`, `expired` or `none`.
    """

    recipient: RecipientId | None
    token: bytes
    nobody: str = ANONYMOUS
    read: Sequence[Entries] | Trouble = ()


def answer_for(place: Place, visitor: Visitor, now: float, *, inline: bool) -> tuple[bytes, str]:
    """The JSON of a placement, and why it is the default; empty where it is not."""
    if isinstance(visitor.read, Trouble):
        return place.defaults[inline], visitor.read
    reason = "" if visitor.recipient else visitor.nobody
    for number, entries in enumerate(visitor.read):
        own = number == 0 and visitor.recipient is not None
        entry = entries.get(place.placement)
        fault = _fault(place, entry, now)
        if entry is not None and not fault:
            return _personal(place, entry, visitor.recipient if own else None, inline), "" if own else reason
        reason = reason or fault
    return place.defaults[inline], reason


def _fault(place: Place, entry: StoredDecision | None, now: float) -> str:
    """Why an entry cannot be shown."""
    if entry is None:
        return MISSING
    if entry.expires_at <= now:
        return STALE
    return "" if all(variant in place.pieces for variant in entry.variants) else UNPUBLISHED


def _personal(place: Place, entry: StoredDecision, recipient: RecipientId | None, inline: bool) -> bytes:
    """A decision for this recipient; for None one for all who share a context, which is nobody's decision and so has no id."""
    shown = [
        place.pieces[variant].shown(position, _decision(entry, recipient, place.placement, position), inline)
        for position, variant in enumerate(entry.variants, start=1)
    ]
    whose = b'"is_default":false,"chosen_for":"recipient"' if recipient else b'"is_default":true,"chosen_for":"context"'
    return b'%b%b,"shown":[%b],"expires_at":%b}' % (place.head, whose, b",".join(shown), _instant(entry.expires_at))


def _decision(entry: StoredDecision, recipient: RecipientId | None, placement: PlacementId, position: int) -> bytes:
    return b'"%b"' % decision_id_of(entry.send_id, recipient, placement, position).encode() if recipient else b"null"


@lru_cache(maxsize=4_096)
def _instant(seconds: int) -> bytes:
    return b'"%b"' % datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
