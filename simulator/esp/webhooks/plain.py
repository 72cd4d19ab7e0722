"""The providers whose posts are vouched for by a password only: Postmark, SparkPost, Mailjet, Brevo. Their payloads, kind by kind.

After Postmark "Webhooks overview" and its pages per record type; SparkPost "Webhooks"; Mailjet "Event API"; Brevo "Transactional
webhooks".
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from simulator.esp.providers.mailjet import guid_of
from simulator.esp.webhooks.happenings import Happening, Kind
from simulator.esp.webhooks.keys import Keys
from simulator.esp.webhooks.posting import Posting, json_posting

_UNKNOWN_USER = "550 5.1.1 The email account that you tried to reach does not exist"
_FULL = "452 4.2.2 The email account that you tried to reach is over quota"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _reason(happening: Happening) -> str:
    return _FULL if happening.kind in (Kind.SOFT_BOUNCED, Kind.DEFERRED) else _UNKNOWN_USER


def postmark(happenings: Sequence[Happening], keys: Keys) -> list[Posting]:
    """One post per happening. Postmark tells nothing of deferrals."""
    told = (_postmark(happening) for happening in happenings if happening.kind not in (Kind.DEFERRED, Kind.FAILED))
    return [json_posting(one, {"authorization": keys.basic, "user-agent": "Postmark"}) for one in told]


def _postmark(happening: Happening) -> dict[str, Any]:
    held = happening.held
    common = {
        "MessageID": held.esp_message_id,
        "ServerID": 23,
        "MessageStream": "outbound",
        "Tag": "",
        "Metadata": dict(held.entry.metadata),
    }
    match happening.kind:
        case Kind.DELIVERED:
            return common | {
                "RecordType": "Delivery",
                "Recipient": held.entry.recipient,
                "DeliveredAt": _when(happening.at),
                "Details": "250 OK",
            }
        case Kind.OPENED | Kind.CLICKED:
            return common | _postmark_engaged(happening)
        case Kind.UNSUBSCRIBED:
            change = {"Origin": "Recipient", "SuppressSending": True, "SuppressionReason": "ManualSuppression"}
            return (
                common | change | {"RecordType": "SubscriptionChange", "Recipient": held.entry.recipient, "ChangedAt": _when(happening.at)}
            )
        case _:
            return common | _postmark_bounced(happening)


def _postmark_engaged(happening: Happening) -> dict[str, Any]:
    engaged: dict[str, Any] = {"Recipient": happening.held.entry.recipient, "ReceivedAt": _when(happening.at), "Platform": "Desktop"}
    engaged |= {"UserAgent": happening.agent, "Geo": {"IP": happening.address}}
    if happening.kind is Kind.OPENED:
        return engaged | {"RecordType": "Open", "FirstOpen": True, "ReadSeconds": 5}
    return engaged | {"RecordType": "Click", "ClickLocation": "HTML", "OriginalLink": happening.url}


_POSTMARK_BOUNCES = {
    Kind.BOUNCED: ("Bounce", "HardBounce", 1, "Hard bounce"),
    Kind.SOFT_BOUNCED: ("Bounce", "SoftBounce", 4096, "Soft bounce"),
    Kind.COMPLAINED: ("SpamComplaint", "SpamComplaint", 100_001, "Spam complaint"),
}


def _postmark_bounced(happening: Happening) -> dict[str, Any]:
    record, kind, code, name = _POSTMARK_BOUNCES[happening.kind]
    inactive = happening.kind is not Kind.SOFT_BOUNCED
    number = int(happening.event_id[:12], 16)
    bounced = {"RecordType": record, "ID": number, "Type": kind, "TypeCode": code, "Name": name, "Details": _reason(happening)}
    flags = {"Inactive": inactive, "CanActivate": inactive, "DumpAvailable": False}
    return bounced | flags | {"Email": happening.held.entry.recipient, "BouncedAt": _when(happening.at), "Description": name}


_SPARKPOST = {
    Kind.DELIVERED: ("message_event", "delivery"),
    Kind.DEFERRED: ("message_event", "delay"),
    Kind.SOFT_BOUNCED: ("message_event", "bounce"),
    Kind.BOUNCED: ("message_event", "bounce"),
    Kind.OPENED: ("track_event", "open"),
    Kind.CLICKED: ("track_event", "click"),
    Kind.COMPLAINED: ("message_event", "spam_complaint"),
    Kind.UNSUBSCRIBED: ("unsubscribe_event", "list_unsubscribe"),
    Kind.FAILED: ("gen_event", "generation_failure"),
}
_BOUNCE_CLASSES = {Kind.BOUNCED: "10", Kind.SOFT_BOUNCED: "22", Kind.DEFERRED: "22"}  # invalid recipient, mailbox full


def sparkpost(happenings: Sequence[Happening], keys: Keys) -> list[Posting]:
    """One post for the batch."""
    batch = happenings[0].event_id
    headers = {
        "authorization": keys.basic,
        "x-messagesystems-batch-id": f"{batch[:8]}-{batch[8:12]}-{batch[12:16]}-{batch[16:20]}-{batch[20:]}",
    }
    return [json_posting([{"msys": _sparkpost(happening)} for happening in happenings], headers)]


def _sparkpost(happening: Happening) -> dict[str, Any]:
    group, kind = _SPARKPOST[happening.kind]
    held = happening.held
    event: dict[str, Any] = {"type": kind, "event_id": str(int(happening.event_id[:15], 16)), "timestamp": str(int(happening.at))}
    event |= {"rcpt_to": held.entry.recipient.casefold(), "raw_rcpt_to": held.entry.recipient, "transmission_id": held.esp_message_id}
    event |= {"rcpt_meta": dict(held.entry.metadata), "message_id": held.esp_message_id + f"{held.number:04x}", "subject": ""}
    if happening.kind in _BOUNCE_CLASSES:
        event |= {"bounce_class": _BOUNCE_CLASSES[happening.kind], "error_code": _reason(happening)[:3], "raw_reason": _reason(happening)}
    if group == "track_event":
        event |= {"user_agent": happening.agent, "ip_address": happening.address, "is_prefetched": happening.machine}
        event |= {"target_link_url": happening.url} if happening.url else {}
    return {group: event}


_MAILJET = {
    Kind.DELIVERED: "sent",
    Kind.SOFT_BOUNCED: "bounce",
    Kind.BOUNCED: "bounce",
    Kind.OPENED: "open",
    Kind.CLICKED: "click",
    Kind.COMPLAINED: "spam",
    Kind.UNSUBSCRIBED: "unsub",
    Kind.FAILED: "blocked",
}


def mailjet(happenings: Sequence[Happening], keys: Keys) -> list[Posting]:
    """Grouped events (version 2): one post, a list. Mailjet tells nothing of deferrals."""
    told = [_mailjet(happening) for happening in happenings if happening.kind in _MAILJET]
    return [json_posting(told, {"authorization": keys.basic})] if told else []


def _mailjet(happening: Happening) -> dict[str, Any]:
    held, kind = happening.held, happening.kind
    event: dict[str, Any] = {"event": _MAILJET[kind], "time": int(happening.at), "MessageID": int(held.esp_message_id)}
    event |= {
        "Message_GUID": guid_of(held.esp_message_id),
        "email": held.entry.recipient,
        "mj_campaign_id": 0,
        "mj_contact_id": held.number,
    }
    event |= {
        "customcampaign": "",
        "CustomID": held.entry.metadata.get("CustomID", ""),
        "Payload": held.entry.metadata.get("EventPayload", ""),
    }
    if kind in (Kind.OPENED, Kind.CLICKED, Kind.UNSUBSCRIBED):
        event |= {"ip": happening.address, "geo": "", "agent": happening.agent} | ({"url": happening.url} if happening.url else {})
    if kind in (Kind.BOUNCED, Kind.SOFT_BOUNCED):
        hard = kind is Kind.BOUNCED
        event |= {"blocked": hard, "hard_bounce": hard, "error_related_to": "recipient", "comment": _reason(happening)}
        event |= {"error": "user unknown" if hard else "mailbox full"}
    return event | ({Kind.DELIVERED: {"smtp_reply": "250 OK"}, Kind.COMPLAINED: {"source": "JMRPP"}, Kind.FAILED: _BLOCKED}.get(kind) or {})


_BLOCKED = {"error_related_to": "mailjet", "error": "preblocked"}
_BREVO = {
    Kind.DELIVERED: "delivered",
    Kind.DEFERRED: "deferred",
    Kind.SOFT_BOUNCED: "soft_bounce",
    Kind.BOUNCED: "hard_bounce",
    Kind.OPENED: "opened",
    Kind.CLICKED: "click",
    Kind.COMPLAINED: "complaint",
    Kind.UNSUBSCRIBED: "unsubscribed",
    Kind.FAILED: "blocked",
}


def brevo(happenings: Sequence[Happening], keys: Keys) -> list[Posting]:
    """One post per happening."""
    return [json_posting(_brevo(happening), {"authorization": keys.basic}) for happening in happenings]


def _brevo(happening: Happening) -> dict[str, Any]:
    held, at = happening.held, happening.at
    kind = "proxy_open" if happening.machine and happening.kind is Kind.OPENED else _BREVO[happening.kind]
    event: dict[str, Any] = {"event": kind, "email": held.entry.recipient, "id": 814_119, "message-id": held.esp_message_id}
    date = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    event |= {"date": date, "ts": int(at), "ts_event": int(at), "ts_epoch": int(at * 1000), "sending_ip": "127.0.0.1"}
    tags = held.entry.metadata.get("tags")
    event |= {"tags": orjson.loads(tags), "tag": tags} if tags else {}
    custom = held.entry.metadata.get("X-Mailin-custom")
    event |= {"X-Mailin-custom": custom} if custom else {}
    if happening.kind in (Kind.BOUNCED, Kind.SOFT_BOUNCED, Kind.DEFERRED):
        event["reason"] = _reason(happening)
    return event | ({"link": happening.url or ""} if happening.kind in (Kind.OPENED, Kind.CLICKED) else {})
