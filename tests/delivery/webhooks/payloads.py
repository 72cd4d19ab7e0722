"""Payloads as the providers' documentation shows them. Written for these tests; names and addresses are made up."""

import json
from datetime import UTC, datetime
from typing import Any

from delivery.esp.provider import OUR_ID
from delivery.webhooks.posts import RawPost
from delivery.webhooks.providers import PROVIDERS
from domain.event import Heard

OURS = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
SECONDS = int(AT.timestamp())
ISO = "2026-11-23T09:00:05.000Z"


def understood(provider: str, told: Any, **headers: str) -> list[Heard]:
    """What is heard of a JSON document."""
    return list(PROVIDERS[provider].understand(RawPost(headers, json.dumps(told).encode())))


def ses(kind: str, part: dict[str, Any] | None = None, name: str | None = None) -> dict[str, Any]:
    """An event of Amazon SES."""
    mail = {"messageId": "ses-1", "timestamp": ISO, "destination": ["ada@example.org"], "tags": {OUR_ID: [OURS]}}
    return {"eventType": kind, "mail": mail, name or kind.lower(): {"timestamp": ISO} | (part or {})}


def mailgun(event: str, **more: Any) -> dict[str, Any]:
    """A post of Mailgun's."""
    data = {"id": "m1", "timestamp": SECONDS, "event": event, "recipient": "ada@example.org", "user-variables": {OUR_ID: OURS}}
    return {"signature": {}, "event-data": data | more}


def sparkpost(kind: str, **more: Any) -> list[Any]:
    """A batch of SparkPost's."""
    event = {"type": kind, "event_id": "92356927", "timestamp": str(SECONDS), "rcpt_to": "ada@example.org", "rcpt_meta": {OUR_ID: OURS}}
    return [{"msys": {"message_event": event | more}}]


def resend(kind: str, **data: Any) -> dict[str, Any]:
    """A post of Resend's."""
    return {"type": kind, "created_at": ISO, "data": {"email_id": "e1", "to": ["ada@example.org"], "tags": {OUR_ID: OURS}} | data}


def postmark(record: str, **more: Any) -> dict[str, Any]:
    """A post of Postmark's."""
    return {"RecordType": record, "MessageID": "p1", "Recipient": "ada@example.org", "Metadata": {OUR_ID: OURS}, "ReceivedAt": ISO} | more


def sendgrid(event: str, **more: Any) -> list[Any]:
    """A batch of SendGrid's."""
    return [{"email": "ada@example.org", "timestamp": SECONDS, "event": event, "sg_event_id": "s1", OUR_ID: OURS} | more]


def brevo(event: str, **more: Any) -> dict[str, Any]:
    """A post of Brevo's."""
    custom = json.dumps({OUR_ID: OURS})
    return {"event": event, "email": "ada@example.org", "message-id": "<b1@brevo>", "ts_event": SECONDS, "X-Mailin-custom": custom} | more


def mailjet(event: str, **more: Any) -> dict[str, Any]:
    """A post of Mailjet's."""
    return {"event": event, "time": SECONDS, "MessageID": 7, "email": "ada@example.org", "CustomID": OURS} | more


def mailchimp(event: str, **more: Any) -> list[Any]:
    """A list of Mandrill's."""
    message = {"_id": "c1", "email": "ada@example.org", "metadata": {OUR_ID: OURS}}
    return [{"event": event, "_id": "c1", "ts": SECONDS, "msg": message | more.pop("msg", {})} | more]
