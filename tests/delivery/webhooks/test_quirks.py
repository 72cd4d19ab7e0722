"""What providers do beside their documentation's first example, and what only somebody who means harm would send."""

import json
from datetime import UTC, datetime
from hmac import digest
from typing import Any

import pytest

from delivery.webhooks import mailgun as mailguns
from delivery.webhooks.posts import Forged, RawPost, Secrets
from delivery.webhooks.providers import PROVIDERS
from domain.bounce import BounceClass
from domain.event import EventKind
from tests.delivery.webhooks.payloads import (
    AT,
    OURS,
    SECONDS,
    brevo,
    mailgun,
    postmark,
    resend,
    sendgrid,
    ses,
    sparkpost,
    understood,
)
from tests.delivery.webhooks.vectors import topic

HARD, SOFT, BLOCKED, UNDETERMINED = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED, BounceClass.UNDETERMINED


def failed(reason: str, code: int, said: str = "", **more: Any) -> dict[str, Any]:
    """A failure for good, as Mailgun tells it."""
    return mailgun("failed", severity="permanent", reason=reason, **{"delivery-status": {"code": code, "message": said} | more})


def suppressed(origin: str) -> dict[str, Any]:
    """An address on Resend's own list; no letter stands beside it."""
    return {"type": "suppression.added", "data": {"id": "s1", "email": "Ada <ada@example.org>", "origin": origin, "source_id": "e1"}}


QUIRKS = [  # provider, payload, kind, class of the bounce, what it suppresses by
    ("mailgun", failed("generic", 550), "bounced", HARD, "hard_bounced"),
    ("mailgun", failed("generic", 550, "5.7.1 we do not like you"), "bounced", BLOCKED, None),
    ("mailgun", failed("generic", 554, "something"), "bounced", UNDETERMINED, None),
    ("mailgun", failed("generic", 605), "dropped", None, "hard_bounced"),
    ("mailgun", failed("generic", 607), "dropped", None, "complained"),
    ("mailgun", mailgun("list_member_uploaded"), "unknown", None, None),
    ("mailgun", mailgun("complained"), "complained", None, "complained"),
    ("mailgun", mailgun("unsubscribed"), "unsubscribed", None, "unsubscribed"),
    ("postmark", postmark("Bounce", ID=1, TypeCode=1), "bounced", HARD, "hard_bounced"),
    ("postmark", postmark("Bounce", ID=1, TypeCode=2), "deferred", SOFT, None),
    ("postmark", postmark("Bounce", ID=1, TypeCode=100009), "bounced", BLOCKED, None),
    ("postmark", postmark("Bounce", ID=1, TypeCode=16), "unsubscribed", None, "unsubscribed"),
    ("postmark", postmark("Bounce", ID=1, TypeCode=424242), "bounced", UNDETERMINED, None),
    (
        "postmark",
        postmark("SubscriptionChange", MessageID=None, SuppressSending=True, SuppressionReason="ManualSuppression"),
        "unsubscribed",
        None,
        "unsubscribed",
    ),
    ("brevo", brevo("loaded_by_proxy"), "opened", None, None),
    ("brevo", brevo("unsubscribe"), "unsubscribed", None, "unsubscribed"),
    ("brevo", brevo("Hard_Bounce"), "bounced", HARD, "hard_bounced"),
    ("sendgrid", sendgrid("bounce", type="blocked", bounce_classification="Reputation"), "bounced", BLOCKED, None),
    ("sendgrid", sendgrid("bounce", type="bounce", bounce_classification="Invalid Address"), "bounced", HARD, "hard_bounced"),
    ("sendgrid", sendgrid("bounce", type="blocked", bounce_classification="Unclassified"), "bounced", SOFT, None),
    ("sendgrid", sendgrid("group_resubscribe"), "resubscribed", None, None),
    (
        "sparkpost",
        sparkpost("policy_rejection", raw_reason="550 5.7.1 recipient address was suppressed due to customer policy"),
        "dropped",
        None,
        "hard_bounced",
    ),
    ("resend", suppressed("bounce"), "bounced", HARD, "hard_bounced"),
    ("resend", suppressed("complaint"), "complained", None, "complained"),
    ("resend", suppressed("manual"), "unsubscribed", None, "unsubscribed"),
    ("resend", suppressed("something new"), "unknown", None, None),
    ("resend", resend("suppression.removed"), "resubscribed", None, None),
    ("resend", resend("email.scheduled"), "unknown", None, None),
    ("ses", {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "hello"}, "unknown", None, None),
]


@pytest.mark.parametrize(("provider", "told", "kind", "bounce", "suppresses"), QUIRKS)
def test_quirks(provider: str, told: Any, kind: str, bounce: BounceClass | None, suppresses: str | None) -> None:
    """Kind, class of the bounce and consequence; an address wherever there is one, and a reason wherever the kind is not known."""
    [heard] = understood(provider, told)
    assert (heard.kind, heard.bounce and heard.bounce.kind, heard.suppresses) == (kind, bounce, suppresses)
    assert heard.address == "ada@example.org" or "notificationType" in told
    assert heard.reason or heard.kind is not EventKind.UNKNOWN


def test_every_container_of_sparkposts() -> None:
    """Each event of a batch is read out of whatever stands around it; those about other things than letters are unknown by their names."""
    names = {
        "message_event": "delivery",
        "track_event": "click",
        "gen_event": "generation_failure",
        "unsubscribe_event": "link_unsubscribe",
        "relay_event": "relay_delivery",
        "ab_test_event": "ab_test_completed",
        "ingest_event": "success",
    }
    batch = [{"msys": {group: {"type": name, "event_id": name, "rcpt_to": "a@x.org"}}} for group, name in names.items()]
    heard = understood("sparkpost", batch)
    assert [one.kind for one in heard] == ["delivered", "clicked", "dropped", "unsubscribed", "unknown", "unknown", "unknown"]
    assert [one.reason for one in heard[4:]] == ["relay_delivery", "ab_test_completed", "success"]
    assert len({one.key for one in heard}) == len(names)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings(encoding: str) -> None:
    """A byte order mark, or two bytes to a sign, keeps nobody from being read."""
    for provider in PROVIDERS:
        told = {"ses": ses("Delivery"), "mailgun": mailgun("delivered"), "postmark": postmark("Delivery")}.get(provider)
        if told is not None:
            [heard] = PROVIDERS[provider].understand(RawPost({}, json.dumps(told).encode(encoding)))
            assert (heard.kind, heard.address) == (EventKind.DELIVERED, "ada@example.org")


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("depth", [100, 254, 300, 900, 960, 990, 1_020, 1_100, 50_000])
def test_depth(provider: str, depth: int) -> None:
    """However deep something is nested, it is heard and kept, and the other events of its post with it."""
    for nested in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        for body in (nested, b'[{"event": "open", "x": ' + nested + b"}]", b'{"event-data": ' + nested + b"}"):
            assert [one for one in PROVIDERS[provider].understand(RawPost({}, body)) if one.raw] or body.startswith(b"[[")
    two = b'[{"event": "open", "email": "a@x.org", "x": ' + b"[" * depth + b"]" * depth + b'}, {"event": "open", "email": "b@x.org"}]'
    assert len(list(PROVIDERS["sendgrid"].understand(RawPost({}, two)))) in (1, 2)


def test_a_deep_event_under_mailguns_signature() -> None:
    """What nobody can tell apart from something else is refused, and no fault."""
    told = mailgun("opened", x=_nested(1_010))
    stamp, token = str(SECONDS), "t" * 50
    told["signature"] = {"timestamp": stamp, "token": token, "signature": _signed("a-key-of-ours", stamp + token)}
    body = _dumped(told)
    assert isinstance(mailguns.verify(RawPost({}, body), Secrets(["a-key-of-ours"]), AT), Forged)


@pytest.mark.parametrize(
    ("stamp", "read"),
    [
        (SECONDS, AT),
        (str(SECONDS), AT),
        (SECONDS * 1_000, AT),
        (str(SECONDS * 1_000), AT),
        (SECONDS * 1_000_000, AT),
        (float(SECONDS), AT),
        ("2026-11-23T09:00:05Z", AT),
        ("2026-11-23T09:00:05.0000000Z", AT),
        ("2026-11-23T11:00:05+02:00", AT),
        ("2026-11-23 09:00:05", AT),
        (-5, None),
        (0, None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        (10**30, None),
        ("1e999", None),
        ("NaN", None),
        ("yesterday", None),
        (True, None),
        ([SECONDS], None),
        (None, None),
    ],
)
def test_instants(stamp: object, read: datetime | None) -> None:
    """Seconds, milliseconds, microseconds and ISO 8601, as numbers and texts; what cannot be when mail was read is nothing."""
    [heard] = understood("sendgrid", sendgrid("open", timestamp=stamp))
    assert heard.occurred_at == read
    assert heard.occurred_at is None or heard.occurred_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("ADA@Example.ORG", "ADA@Example.ORG"),
        ('"Lovelace, Ada" <ada@example.org>', "ada@example.org"),
        ("<ada@example.org>", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
        (["ada@example.org", "bob@example.org"], "ada@example.org"),
        ("ada@example.org\r\nBcc: eve@example.org", None),
        ("a" * 700 + "@example.org", None),
        ("nobody", None),
        (7, None),
        ({}, None),
        ([], None),
    ],
)
def test_addresses(given: object, read: str | None) -> None:
    """With a name beside it or without, in capitals, in a list; what holds a line's end, or is no address, is none."""
    [heard] = understood("mailgun", mailgun("unsubscribed", recipient=given))
    assert heard.address == read


def test_keys_that_come_twice() -> None:
    """Of a name that comes twice the last holds, wherever it is read."""
    body = b'{"RecordType": "Open", "RecordType": "SpamComplaint", "ID": 1, "Email": "x@example.org", "Email": "ada@example.org"}'
    [heard] = PROVIDERS["postmark"].understand(RawPost({}, body))
    assert (heard.kind, heard.address) == (EventKind.COMPLAINED, "ada@example.org")


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - {"mailchimp"}))
def test_nothing_in_a_list(provider: str) -> None:
    """An empty batch is no event."""
    assert not list(PROVIDERS[provider].understand(RawPost({}, b"[]")))


def test_raw_delivery_of_sns_is_not_signed() -> None:
    """Without its envelope nothing vouches for an event over HTTP; out of a queue it is read."""
    body = json.dumps(ses("Delivery")).encode()
    post = RawPost({"x-amz-sns-rawdelivery": "true"}, body)
    assert PROVIDERS["ses"].verify(post, topic().secrets, AT) == Forged("no message of Amazon SNS")
    [heard] = PROVIDERS["ses"].understand(post)
    assert (heard.kind, heard.message_id) == (EventKind.DELIVERED, OURS)


@pytest.mark.parametrize(
    ("provider", "told", "name"),
    [
        ("sendgrid", sendgrid("open", sg_message_id="abc_DEF-1.filterdrecv-p3mdw1-756b-18-5F5FC76C-9.0"), "abc_DEF-1"),
        ("sparkpost", sparkpost("open", transmission_id="65832150921904138", message_id="000443ee14578172be22"), "65832150921904138"),
        ("ses", ses("Open"), "ses-1"),
        ("resend", resend("email.opened"), "e1"),
    ],
)
def test_what_the_esp_took_the_letter_as(provider: str, told: Any, name: str) -> None:
    """The ESP's id is read as the ESP gave it when it took the letter, so that the ledger knows it."""
    [heard] = understood(provider, told)
    assert heard.esp_message_id == name


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _dumped(told: dict[str, Any]) -> bytes:
    """As JSON by hand: Python's writer would not go so deep."""
    deep = told["event-data"].pop("x")
    depth = 0
    while isinstance(deep, list):
        deep, depth = deep[0], depth + 1
    text = json.dumps(told)
    return text.replace('"event-data": {', '"event-data": {"x": ' + "[" * depth + "1" + "]" * depth + ", ", 1).encode()


def _signed(key: str, text: str) -> str:
    return digest(key.encode(), text.encode(), "sha256").hex()
