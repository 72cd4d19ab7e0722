"""Amazon SES: event publishing and feedback notifications, in envelopes of SNS, or bare as SQS and EventBridge hand them on.

After "Contents of event data that Amazon SES publishes to Amazon SNS" and "Amazon SNS notification contents for Amazon SES". The event
is `Message` of the envelope, a JSON text. A message goes to one recipient with us; where one has several, each is told apart.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.webhooks import sns
from delivery.webhooks.bounces import bounce_of
from delivery.webhooks.listing import TOO_DEEP, if_unknown, suppression_of, unknown
from delivery.webhooks.posts import ONE, Provider, RawPost
from delivery.webhooks.values import (
    UNREADABLE,
    address_of,
    at,
    document_of,
    first_instant,
    items_of,
    key_of,
    listed,
    our_id,
    raw_of,
    raw_text,
    word,
    words,
)
from domain.bounce import Bounce, BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason

KINDS: Mapping[str, EventKind] = {
    "send": EventKind.ACCEPTED,
    "reject": EventKind.DROPPED,
    "rendering failure": EventKind.DROPPED,
    "delivery": EventKind.DELIVERED,
    "deliverydelay": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED,
    "complaint": EventKind.COMPLAINED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "subscription": EventKind.UNSUBSCRIBED,
}
_DETAILS: Mapping[str, str] = {
    "rendering failure": "failure",
    "deliverydelay": "deliveryDelay",
}  # where the event's own part stands, if elsewhere
_BOUNCES: Mapping[str, BounceClass] = {
    "permanent": BounceClass.HARD,
    "transient": BounceClass.SOFT,
    "undetermined": BounceClass.UNDETERMINED,
}
_CAUSES: Mapping[str, BounceCause] = {
    "noemail": BounceCause.NO_MAILBOX,
    "mailboxfull": BounceCause.FULL,
    "messagetoolarge": BounceCause.TOO_LARGE,
    "contentrejected": BounceCause.SPAM,
    "attachmentrejected": BounceCause.POLICY,
    "customtimeoutexceeded": BounceCause.UNREACHABLE,
    "spamdetected": BounceCause.SPAM,
    "recipientservererror": BounceCause.FAILING,
    "internalfailure": BounceCause.FAILING,
    "ipfailure": BounceCause.REPUTATION,
    "transientcommunicationfailure": BounceCause.UNREACHABLE,
}
_LISTED = "onaccountsuppressionlist"  # SES did not send: the address is on the account's own list
_REASONS = ("reason", "errorMessage", "bounceSubType", "delayType", "complaintFeedbackType")
_RECIPIENTS = ("bouncedRecipients", "complainedRecipients", "delayedRecipients")


def understand(post: RawPost) -> Iterator[Heard]:
    """The event of an SNS message, or the events that a queue handed on without one."""
    envelope = sns.envelope_of(post.body)
    if envelope is not None:
        yield from _enveloped(envelope)
    elif (document := document_of(post.body)) is UNREADABLE:
        yield unknown(raw_text(post.body), "not JSON")
    else:
        yield from (heard for item in items_of(document) for heard in _bare(_unpacked(item), post.body))


def _bare(item: Any, body: bytes) -> list[Heard]:
    try:
        return list(_heard(item, None)) if isinstance(item, dict) else [unknown(raw_of(item), "no JSON object")]
    except RecursionError:
        return [unknown(raw_text(body), TOO_DEEP)]


def _enveloped(envelope: Mapping[str, str]) -> Iterator[Heard]:
    name, event = word(envelope, "MessageId"), document_of(envelope.get("Message", ""))
    raw = raw_of(envelope)
    if envelope["Type"] == "Notification" and isinstance(event, dict):
        try:
            yield from list(_heard(event, name))
        except RecursionError:
            yield unknown(raw, TOO_DEEP)
    else:
        yield Heard(EventKind.UNKNOWN, name or key_of(raw), raw, first_instant(envelope.get("Timestamp")), reason=envelope["Type"])


def _unpacked(item: Any) -> Any:
    """EventBridge has the event as `detail`."""
    return item["detail"] if isinstance(item, dict) and isinstance(item.get("detail"), dict) else item


def _heard(event: Any, name: str | None) -> Iterator[Heard]:
    told = words(event, "eventType") or words(event, "notificationType")
    part = at(event, _DETAILS.get(told, told))
    kind, suppresses = _kind(told, part)
    affected = [one for field in _RECIPIENTS for one in listed(part, field)] or [None]
    raw = raw_of(event)
    key = name or _key(event, part, told, raw)
    for place, one in enumerate(affected):
        bounce = _bounce(part, one) if kind in (EventKind.BOUNCED, EventKind.DEFERRED) else None
        yield Heard(
            kind=kind,
            key=f"{key}|{place}" if place else key,
            raw=raw,
            occurred_at=first_instant(at(part, "timestamp"), at(event, "mail", "timestamp")),
            message_id=our_id(at(event, "mail", "tags"), *_message_ids(event)),
            esp_message_id=word(event, "mail", "messageId"),
            address=address_of(at(one, "emailAddress")) or address_of(at(event, "mail", "destination")),
            bounce=bounce,
            reason=_reason(part) or if_unknown(kind, told),
            url=word(part, "link", longest=4_096),
            user_agent=word(part, "userAgent"),
            ip=word(part, "ipAddress"),
            suppresses=suppresses or suppression_of(kind, bounce),
        )


def _key(event: Any, part: Any, told: str, raw: str) -> str:
    """Without an envelope: all that tells two events apart; of a kind that is not known, everything."""
    if told not in KINDS:
        return key_of("unknown", raw)
    return key_of(told, at(event, "mail", "messageId"), *(at(part, name) for name in ("timestamp", "feedbackId", "link", "ipAddress")))


def _kind(told: str, part: Any) -> tuple[EventKind, SuppressionReason | None]:
    kind = KINDS.get(told, EventKind.UNKNOWN)
    if kind is EventKind.BOUNCED and words(part, "bounceSubType") == _LISTED:
        return EventKind.DROPPED, SuppressionReason.HARD_BOUNCED
    if kind is EventKind.COMPLAINED:
        if words(part, "complaintSubType") == _LISTED:
            return EventKind.DROPPED, SuppressionReason.COMPLAINED
        return (EventKind.UNKNOWN if words(part, "complaintFeedbackType") == "not-spam" else kind), None
    return (_subscription(part) if kind is EventKind.UNSUBSCRIBED else kind), None


def _subscription(part: Any) -> EventKind:
    """Preferences of a contact list: leaving any topic counts as leaving."""
    wishes = at(part, "newTopicPreferences")
    topics = [
        words(topic, "subscriptionStatus")
        for topic in (listed(wishes, "topicSubscriptionStatus") or listed(wishes, "topicDefaultSubscriptionStatus"))
    ]
    stays = isinstance(wishes, dict) and at(wishes, "unsubscribeAll") is False and "optout" not in topics
    return EventKind.RESUBSCRIBED if stays else EventKind.UNSUBSCRIBED


def _bounce(part: Any, one: Any) -> Bounce:
    cause = _CAUSES.get(words(part, "bounceSubType") or words(part, "delayType"))
    said = word(one, "diagnosticCode", longest=2_000)
    return bounce_of(said, status=word(one, "status"), verdict=_BOUNCES.get(words(part, "bounceType"), BounceClass.SOFT), cause=cause)


def _reason(part: Any) -> str | None:
    return next(
        (
            found
            for name in ("reason", "errorMessage", "bounceSubType", "delayType", "complaintFeedbackType")
            if (found := word(part, name))
        ),
        None,
    )


def _message_ids(event: Any) -> list[str]:
    """Message-ID as it was given, for letters that a relay brought there."""
    named = [word(header, "value") for header in listed(event, "mail", "headers") if words(header, "name") == "message-id"]
    return [found for found in (*named, word(event, "mail", "commonHeaders", "messageId")) if found]


PROVIDER = Provider("ses", "the ARN of an Amazon SNS topic that SES publishes to", sns.verify, understand, most=ONE)
