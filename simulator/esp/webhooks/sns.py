"""Amazon SES's events as Amazon SNS posts them: signed by a certificate that is named by its URL, after the subscription was confirmed.

After SES "Examples of event data that Amazon SES publishes to Amazon SNS", SNS "HTTP/HTTPS notification JSON formats" and
"Verifying the signatures of Amazon SNS messages".
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from simulator.esp.webhooks.happenings import Happening, Kind
from simulator.esp.webhooks.keys import TOPIC, Keys
from simulator.esp.webhooks.posting import Posting

CERTIFICATE = "/SimpleNotificationService-simulated.pem"
CONFIRM = "/sns/confirm"
_SUBJECT = "Amazon SES Email Event Notification"
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_TYPES = {
    Kind.DELIVERED: "Delivery",
    Kind.DEFERRED: "DeliveryDelay",
    Kind.SOFT_BOUNCED: "Bounce",
    Kind.BOUNCED: "Bounce",
    Kind.OPENED: "Open",
    Kind.CLICKED: "Click",
    Kind.COMPLAINED: "Complaint",
    Kind.UNSUBSCRIBED: "Subscription",
    Kind.FAILED: "Rendering Failure",
}


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ses(happenings: Sequence[Happening], keys: Keys, *, at: float, base: str, version: int) -> list[Posting]:
    """One notification per happening. `base`: the address under which the certificate is to be had."""
    return [
        _posting(
            {
                "Type": "Notification",
                "MessageId": str(UUID(happening.event_id)),
                "TopicArn": TOPIC,
                "Subject": _SUBJECT,
                "Message": orjson.dumps(_event(happening)).decode(),
                "Timestamp": _when(at),
                "UnsubscribeURL": f"{base}/sns/unsubscribe",
            },
            keys,
            base=base,
            version=version,
        )
        for happening in happenings
    ]


def confirmation(keys: Keys, token: str, *, at: float, base: str, version: int) -> Posting:
    """What SNS posts first: nothing follows before its SubscribeURL was visited."""
    document = {
        "Type": "SubscriptionConfirmation",
        "MessageId": str(UUID(bytes=keys.secret(f"confirmation {token}", 16))),
        "Token": token,
        "TopicArn": TOPIC,
        "Message": f"You have chosen to subscribe to the topic {TOPIC}.\nTo confirm, visit the SubscribeURL included in this message.",
        "SubscribeURL": f"{base}{CONFIRM}?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}",
        "Timestamp": _when(at),
    }
    return _posting(document, keys, base=base, version=version)


def _posting(document: dict[str, str], keys: Keys, *, base: str, version: int) -> Posting:
    text = "".join(f"{name}\n{document[name]}\n" for name in _SIGNED[document["Type"]] if name in document)
    signed = {"SignatureVersion": str(version), "Signature": keys.sign_sns(text.encode(), version), "SigningCertURL": base + CERTIFICATE}
    headers: Mapping[str, str] = {
        "content-type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": document["Type"],
        "x-amz-sns-message-id": document["MessageId"],
        "x-amz-sns-topic-arn": TOPIC,
        "user-agent": "Amazon Simple Notification Service Agent",
    }
    return Posting(orjson.dumps(document | signed), headers)


def _event(happening: Happening) -> dict[str, Any]:
    held, kind = happening.held, _TYPES[happening.kind]
    headers = [{"name": "To", "value": held.entry.recipient}]
    if given := held.entry.content.header("Message-ID"):
        headers.append({"name": "Message-ID", "value": given})
    mail = {
        "timestamp": _when(held.at),
        "messageId": held.esp_message_id,
        "source": held.entry.content.header("From") or "",
        "sendingAccountId": "123456789012",
        "destination": [held.entry.recipient],
        "headersTruncated": False,
        "headers": headers,
        "commonHeaders": {"to": [held.entry.recipient], "messageId": held.esp_message_id},
        "tags": {name: [value] for name, value in held.entry.metadata.items()} | {"ses:configuration-set": ["letterpress"]},
    }
    name = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}.get(kind, kind.casefold())
    return {"eventType": kind, "mail": mail, name: _detail(happening)}


def _detail(happening: Happening) -> dict[str, Any]:
    if happening.kind in (Kind.BOUNCED, Kind.SOFT_BOUNCED):
        return _bounce(happening)
    to, when = happening.held.entry.recipient, {"timestamp": _when(happening.at)}
    delayed = {"emailAddress": to, "status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 over quota"}
    complained = {"complainedRecipients": [{"emailAddress": to}], "feedbackId": happening.event_id}
    details: dict[Kind, dict[str, Any]] = {
        Kind.DELIVERED: when | {"recipients": [to], "processingTimeMillis": 546, "smtpResponse": "250 OK"},
        Kind.DEFERRED: when | {"delayType": "MailboxFull", "delayedRecipients": [delayed]},
        Kind.COMPLAINED: when | complained | {"complaintFeedbackType": "abuse"},
        Kind.FAILED: {"templateName": "inline", "errorMessage": happening.held.entry.lost or "cannot be rendered"},
        Kind.UNSUBSCRIBED: when | {"source": "OneClick", "contactList": "letterpress"},
        Kind.OPENED: when | {"ipAddress": happening.address, "userAgent": happening.agent},
        Kind.CLICKED: when | {"ipAddress": happening.address, "userAgent": happening.agent, "link": happening.url, "linkTags": None},
    }
    return details[happening.kind]


def _bounce(happening: Happening) -> dict[str, Any]:
    hard = happening.kind is Kind.BOUNCED
    status, code = ("5.1.1", "smtp; 550 5.1.1 user unknown") if hard else ("4.2.2", "smtp; 452 4.2.2 over quota")
    bounced = {"emailAddress": happening.held.entry.recipient, "action": "failed", "status": status, "diagnosticCode": code}
    kinds = {"bounceType": "Permanent", "bounceSubType": "General"} if hard else {"bounceType": "Transient", "bounceSubType": "MailboxFull"}
    return {**kinds, "bouncedRecipients": [bounced], "timestamp": _when(happening.at), "feedbackId": happening.event_id}
