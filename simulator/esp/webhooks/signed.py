"""The providers that sign their posts: SendGrid, Mailgun, Resend. Their payloads, kind by kind.

After SendGrid "Event Webhook Reference" and its "Security Features"; Mailgun "Webhooks" and "Events"; Resend "Event Types" and
"Verify Webhooks Requests" (Svix).
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from simulator.esp.webhooks.happenings import Happening, Kind
from simulator.esp.webhooks.keys import Keys
from simulator.esp.webhooks.posting import Posting, json_posting

_SENDGRID: dict[Kind, dict[str, str]] = {
    Kind.DELIVERED: {"event": "delivered", "response": "250 OK"},
    Kind.DEFERRED: {"event": "deferred", "response": "452 4.2.2 over quota", "attempt": "1"},
    Kind.SOFT_BOUNCED: {"event": "bounce", "type": "blocked", "reason": "452 4.2.2 over quota", "status": "4.2.2"},
    Kind.BOUNCED: {"event": "bounce", "type": "bounce", "reason": "550 5.1.1 unknown user", "status": "5.1.1"},
    Kind.OPENED: {"event": "open"},
    Kind.CLICKED: {"event": "click"},
    Kind.COMPLAINED: {"event": "spamreport"},
    Kind.UNSUBSCRIBED: {"event": "unsubscribe"},
    Kind.FAILED: {"event": "dropped", "reason": "Bounced Address"},
}


def sendgrid(happenings: Sequence[Happening], keys: Keys, *, at: float) -> list[Posting]:
    """One post for the batch, signed over time stamp and body."""
    body = b"[" + b",\r\n".join(orjson.dumps(_sendgrid(happening)) for happening in happenings) + b"]\r\n"
    stamp = str(int(at))
    signature = keys.sign_sendgrid(stamp.encode() + body)
    headers = {"x-twilio-email-event-webhook-signature": signature, "x-twilio-email-event-webhook-timestamp": stamp}
    return [Posting(body, {"content-type": "application/json", "user-agent": "SendGrid Event API", **headers})]


def _sendgrid(happening: Happening) -> dict[str, Any]:
    """Custom arguments stand at the top level, where SendGrid's own names win."""
    held = happening.held
    event: dict[str, Any] = {**held.entry.metadata, **_SENDGRID[happening.kind], "email": held.entry.recipient}
    event |= {"timestamp": int(happening.at), "sg_event_id": b64encode(bytes.fromhex(happening.event_id)).decode().rstrip("=")}
    event |= {
        "sg_message_id": f"{held.esp_message_id}.simulated-1-{held.number:X}.0",
        "smtp-id": f"<{held.esp_message_id}@geopod-simulated>",
    }
    if happening.kind in (Kind.OPENED, Kind.CLICKED):
        event |= {"useragent": happening.agent, "ip": happening.address}
    if happening.kind is Kind.OPENED:
        event["sg_machine_open"] = happening.machine
    return event | ({"url": happening.url, "url_offset": {"index": 0, "type": "html"}} if happening.url else {})


_MAILGUN: dict[Kind, dict[str, Any]] = {
    Kind.DELIVERED: {"event": "delivered", "log-level": "info", "delivery-status": {"code": 250, "message": "OK", "attempt-no": 1}},
    Kind.DEFERRED: {
        **{"event": "failed", "severity": "temporary", "reason": "generic", "log-level": "warn"},
        "delivery-status": {"code": 452, "message": "4.2.2 over quota", "attempt-no": 1, "retry-seconds": 600},
    },
    Kind.SOFT_BOUNCED: {
        **{"event": "failed", "severity": "permanent", "reason": "old", "log-level": "error"},
        "delivery-status": {"code": 602, "message": "4.2.2 over quota", "attempt-no": 8},
    },
    Kind.BOUNCED: {
        **{"event": "failed", "severity": "permanent", "reason": "bounce", "log-level": "error"},
        "delivery-status": {"code": 550, "message": "5.1.1 No such user", "attempt-no": 1},
    },
    Kind.OPENED: {"event": "opened", "log-level": "info"},
    Kind.CLICKED: {"event": "clicked", "log-level": "info"},
    Kind.COMPLAINED: {"event": "complained", "log-level": "warn"},
    Kind.UNSUBSCRIBED: {"event": "unsubscribed", "log-level": "info"},
    Kind.FAILED: {
        **{"event": "failed", "severity": "permanent", "reason": "suppress-bounce", "log-level": "error"},
        "delivery-status": {"code": 605, "message": "Not delivering to previously bounced address", "attempt-no": 1},
    },
}


def mailgun(happenings: Sequence[Happening], keys: Keys, *, at: float) -> list[Posting]:
    """One post per happening, its signature in the body: over time stamp and token, not over what is told."""
    return [json_posting({"signature": _mailgun_signature(one, keys, at), "event-data": _mailgun(one)}, {}) for one in happenings]


def _mailgun_signature(happening: Happening, keys: Keys, at: float) -> dict[str, str]:
    stamp, token = str(int(at)), hashlib.sha256(happening.event_id.encode()).hexdigest()[:50]
    signature = hmac.digest(keys.mailgun.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    return {"timestamp": stamp, "token": token, "signature": signature}


def _mailgun(happening: Happening) -> dict[str, Any]:
    held = happening.held
    message = {"headers": {"message-id": held.esp_message_id.strip("<>"), "to": held.entry.recipient}, "attachments": [], "size": 0}
    event = _MAILGUN[happening.kind] | {"id": happening.event_id[:22], "timestamp": happening.at, "message": message, "tags": []}
    event |= {"recipient": held.entry.recipient, "recipient-domain": held.entry.recipient.rpartition("@")[2], "campaigns": []}
    event |= {"user-variables": dict(held.entry.metadata), "flags": {"is-test-mode": False}}
    if happening.kind in (Kind.OPENED, Kind.CLICKED, Kind.UNSUBSCRIBED):
        client: dict[str, str] = {"user-agent": happening.agent, "client-type": "browser"} | ({"bot": "apple"} if happening.machine else {})
        event |= {"ip": happening.address, "client-info": client} | ({"url": happening.url} if happening.url else {})
    return event


_RESEND = {
    Kind.DELIVERED: "email.delivered",
    Kind.DEFERRED: "email.delivery_delayed",
    Kind.SOFT_BOUNCED: "email.bounced",
    Kind.BOUNCED: "email.bounced",
    Kind.OPENED: "email.opened",
    Kind.CLICKED: "email.clicked",
    Kind.COMPLAINED: "email.complained",
    Kind.FAILED: "email.failed",
}


def resend(happenings: Sequence[Happening], keys: Keys, *, at: float) -> list[Posting]:
    """One post per happening, signed over id, time stamp and body. Resend tells nothing of unsubscriptions from single emails."""
    return [_resend_posting(happening, keys, at) for happening in happenings if happening.kind in _RESEND]


def _resend_posting(happening: Happening, keys: Keys, at: float) -> Posting:
    name, stamp, body = f"msg_{happening.event_id}", str(int(at)), orjson.dumps(_resend(happening))
    key = b64decode(keys.svix.removeprefix("whsec_"))
    signature = b64encode(hmac.digest(key, f"{name}.{stamp}.".encode() + body, "sha256")).decode()
    headers = {"svix-id": name, "svix-timestamp": stamp, "svix-signature": f"v1,{signature}"}
    return Posting(body, {"content-type": "application/json", **headers})


def _resend(happening: Happening) -> dict[str, Any]:
    held = happening.held
    when = datetime.fromtimestamp(happening.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data: dict[str, Any] = {"email_id": held.esp_message_id, "to": [held.entry.recipient], "tags": dict(held.entry.metadata)}
    data |= {"created_at": when, "from": held.entry.content.header("From") or "", "subject": ""}
    if happening.kind in (Kind.BOUNCED, Kind.SOFT_BOUNCED):
        kind = "Permanent" if happening.kind is Kind.BOUNCED else "Transient"
        data["bounce"] = {"type": kind, "subType": "General", "message": "The recipient's mailbox does not take it"}
    if happening.kind is Kind.CLICKED:
        data["click"] = {"ipAddress": happening.address, "link": happening.url, "timestamp": when, "userAgent": happening.agent}
    return {"type": _RESEND[happening.kind], "created_at": when, "data": data}
