"""Ids: what identifies a thing, as a function of that thing, so that repeating work finds the same id.

Every id that keys an idempotent write (message, decision, event, idempotency key) is built in this file and
nowhere else: two spellings of one key are how mail goes out twice.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NewType

import xxhash

from domain.errors import InputError

RecipientId = NewType("RecipientId", str)
CampaignId = NewType("CampaignId", str)
SendId = NewType("SendId", str)
MessageId = NewType("MessageId", str)
DecisionId = NewType("DecisionId", str)
PlacementId = NewType("PlacementId", str)
VariantId = NewType("VariantId", str)
ContentVersion = NewType("ContentVersion", str)
ModelVersion = NewType("ModelVersion", str)

_WITHIN_SESSION = "+"  # in no send's own id
INSTEAD = 0  # the round in which an incumbent decided again in place of its candidate; those within sessions count from 1
_SEPARATOR = "\x1f"  # cannot occur in an id that was imported (control characters are refused)


def digest(*parts: str) -> str:
    """128-bit XXH3 of the parts as 32 hex digits; parts cannot run into each other."""
    return xxhash.xxh3_128_hexdigest(_SEPARATOR.join(parts).encode())


def send_id_of(campaign: CampaignId, scheduled_at: datetime) -> SendId:
    """The send of a campaign at a scheduled instant (aware; to the second, in UTC)."""
    if scheduled_at.tzinfo is None:
        raise InputError("a scheduled instant needs a time zone", hint="write it as 2026-11-23T09:00:00Z")
    return SendId(f"{campaign}-{scheduled_at.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def session_send_id_of(refresh: SendId, number: int) -> SendId:
    """Decisions of one round within sessions, on top of a refresh: their decision ids differ from the refresh's."""
    return SendId(f"{refresh}{_WITHIN_SESSION}{number}")


def refresh_of(send: SendId) -> SendId:
    """The refresh that a decision within a session stands on; any other send is its own."""
    refresh, mark, number = send.rpartition(_WITHIN_SESSION)
    return SendId(refresh) if mark and number.isdigit() else send


def is_of_session(send: SendId) -> bool:
    """Whether it names a round within sessions, and no refresh, or what an incumbent decided in place of its candidate."""
    return refresh_of(send) != send and send != session_send_id_of(refresh_of(send), INSTEAD)


def message_id_of(send: SendId, recipient: RecipientId) -> MessageId:
    """One recipient's letter in one send. Carries no personal data: safe in headers and ESP metadata."""
    return MessageId(digest("message", send, recipient))


def notice_id_of(kind: str, send: SendId, at: datetime) -> MessageId:
    """A mail to the people who run Letterpress, about a send."""
    return MessageId(digest("notice", kind, send, at.astimezone(UTC).isoformat()))


def decision_id_of(send: SendId, recipient: RecipientId, placement: PlacementId, position: int) -> DecisionId:
    """The decision for one position (1, 2, …) of one placement for one recipient in one send."""
    return DecisionId(digest("decision", send, recipient, placement, str(position)))


CONTEXT_PREFIX = "~"  # no recipient's id begins with it


def context_id_of(attribute: str, value: str) -> str:
    """Under which the decision store holds what visitors get of whom nothing but this is known."""
    return f"{CONTEXT_PREFIX}{attribute}={value}"


def event_id_of(source: str, key: str) -> str:
    """An event as its source names it; for sources without a key, pass all that tells two events apart."""
    return digest("event", source, key)


def post_id_of(account: str, body: bytes) -> str:
    """A post to a webhook: the same body for the same account is the same post, however often it comes."""
    return digest("post", account, xxhash.xxh3_128_hexdigest(body))


def token_id_of(account: str, token: str) -> str:
    """A post whose token is good for one thing only: the same token for the same account is the same post."""
    return digest("token", account, token)


def imported_id_of(kind: str, source: str, *key: str) -> str:
    """A decision or purchase imported from another system without an id of its own; `key` is all that tells two apart."""
    return digest("imported", kind, source, *key)


def idempotency_key_of(call: Iterable[tuple[MessageId, str]]) -> str:
    """The key of one call to an ESP that knows such keys: its messages with their payload hashes, in any order.

    The same letters have the same key wherever and whenever they are handed over, so a call can be repeated after a crash; one
    letter more, one less or one byte changed is another call.
    """
    return digest("call", *(part for message, payload_hash in sorted(call) for part in (message, payload_hash)))
