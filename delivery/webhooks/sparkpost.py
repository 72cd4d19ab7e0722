"""SparkPost: webhooks in batches.

After "Webhooks" and "Event reference"; bounce classes after "Bounce classification codes". SparkPost signs nothing: posts carry basic
authorisation or an OAuth 2.0 token. An event stands within its group within `msys`; a batch of one empty `msys` is a test.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.webhooks.authentic import by_password
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import heard_by, if_unknown, suppression_of
from delivery.webhooks.posts import Provider, RawPost
from delivery.webhooks.values import address_of, at, first_instant, key_of, our_id, word, words
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

KINDS: Mapping[str, EventKind] = {
    "injection": EventKind.ACCEPTED,
    "delivery": EventKind.DELIVERED,
    "delay": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED,
    "out_of_band": EventKind.BOUNCED,
    "policy_rejection": EventKind.DROPPED,
    "generation_failure": EventKind.DROPPED,
    "generation_rejection": EventKind.DROPPED,
    "spam_complaint": EventKind.COMPLAINED,
    "open": EventKind.OPENED,
    "initial_open": EventKind.OPENED,
    "amp_open": EventKind.OPENED,
    "amp_initial_open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "amp_click": EventKind.CLICKED,
    "list_unsubscribe": EventKind.UNSUBSCRIBED,
    "link_unsubscribe": EventKind.UNSUBSCRIBED,
}
_CLASSES: Mapping[str, tuple[BounceClass, BounceCause | None]] = {
    "1": (BounceClass.UNDETERMINED, None),
    "10": (BounceClass.HARD, BounceCause.NO_MAILBOX),
    "20": (BounceClass.SOFT, None),
    "21": (BounceClass.SOFT, BounceCause.UNREACHABLE),
    "22": (BounceClass.SOFT, BounceCause.FULL),
    "23": (BounceClass.BLOCKED, BounceCause.TOO_LARGE),
    "24": (BounceClass.SOFT, BounceCause.UNREACHABLE),
    "25": (BounceClass.BLOCKED, BounceCause.POLICY),
    "30": (BounceClass.HARD, BounceCause.NO_MAILBOX),
    "40": (BounceClass.SOFT, None),
    "50": (BounceClass.BLOCKED, BounceCause.REPUTATION),
    "51": (BounceClass.BLOCKED, BounceCause.REPUTATION),
    "52": (BounceClass.BLOCKED, BounceCause.SPAM),
    "53": (BounceClass.BLOCKED, BounceCause.POLICY),
    "54": (BounceClass.BLOCKED, BounceCause.POLICY),
    "70": (BounceClass.SOFT, BounceCause.FAILING),
    "100": (BounceClass.BLOCKED, BounceCause.POLICY),
}
_OTHERWISE: Mapping[str, EventKind] = {  # classes that are no bounces
    "60": EventKind.UNKNOWN,  # an automatic reply: the letter arrived
    "80": EventKind.RESUBSCRIBED,
    "90": EventKind.UNSUBSCRIBED,
}


def understand(post: RawPost) -> Iterator[Heard]:
    """The events of a batch."""
    return heard_by(post.body, _heard)


def _heard(item: Any, raw: str) -> Heard:
    event = _inner(item)
    told, number = words(event, "type"), words(event, "bounce_class")
    kind = KINDS.get(told, EventKind.UNKNOWN)
    kind = _OTHERWISE.get(number, kind) if kind is EventKind.BOUNCED else kind
    bounce, own, machine = _bounce(event, kind, number), word(event, "event_id"), at(event, "is_prefetched")
    return Heard(
        kind=kind,
        key=f"{own}|{told}" if own else key_of("no id", raw),
        raw=raw,
        occurred_at=first_instant(at(event, "timestamp")),
        message_id=our_id(at(event, "rcpt_meta")),
        esp_message_id=word(event, "transmission_id") or word(event, "message_id"),  # what it answered when it took the letter
        address=address_of(at(event, "raw_rcpt_to")) or address_of(at(event, "rcpt_to")),
        bounce=bounce,
        reason=word(event, "raw_reason") or word(event, "reason") or if_unknown(kind, told),
        url=word(event, "target_link_url", longest=4_096),
        machine=machine if isinstance(machine, bool) else None,
        user_agent=word(event, "user_agent"),
        ip=word(event, "ip_address"),
        suppresses=_listed(event, kind) or suppression_of(kind, bounce),
    )


def _listed(event: Any, kind: EventKind) -> SuppressionReason | None:
    """SparkPost did not send, because the address is on the account's own list. It does not say how it came there."""
    if kind not in (EventKind.DROPPED, EventKind.BOUNCED):
        return None
    reason = words(event, "raw_reason") or words(event, "reason")
    return SuppressionReason.HARD_BOUNCED if "recipient address" in reason and "suppress" in reason else None


def _inner(item: Any) -> Any:
    """The event within its group within `msys`; or bare, as the events API tells it."""
    msys = at(item, "msys")
    if isinstance(msys, dict):
        return next((event for event in msys.values() if isinstance(event, dict)), {})
    return item


def _bounce(event: Any, kind: EventKind, number: str) -> Bounce | None:
    if kind not in (EventKind.BOUNCED, EventKind.DEFERRED):
        return None
    verdict, cause = _CLASSES.get(number, (None, None))
    said = word(event, "raw_reason", longest=2_000) or word(event, "reason", longest=2_000) or word(event, "error_code")
    return bounce_of(said, verdict=BounceClass.SOFT if kind is EventKind.DEFERRED else verdict, cause=cause)


PROVIDER = Provider("sparkpost", "user:password, or the bearer token of OAuth 2.0", by_password, understand, signs=False)
