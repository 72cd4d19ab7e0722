"""Payloads as the providers' documentation shows them, in our words. Written for this test; names and addresses are made up."""

import json
from dataclasses import asdict
from datetime import UTC
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.esp.provider import OUR_ID
from delivery.webhooks.posts import RawPost
from delivery.webhooks.providers import PROVIDERS
from domain.bounce import BounceClass
from domain.event import EventKind
from tests.delivery.webhooks.payloads import (
    AT,
    ISO,
    OURS,
    SECONDS,
    brevo,
    mailchimp,
    mailgun,
    mailjet,
    postmark,
    resend,
    sendgrid,
    ses,
    sparkpost,
    understood,
)
from tests.delivery.webhooks.vectors import mandrill, topic

HARD, SOFT, BLOCKED = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED
NO_USER, FULL, LISTED = "550 5.1.1 No such user", "452 4.2.2 Mailbox full", "550 5.7.1 blocked using spamhaus"
DOC = [  # provider, payload, kind, class of the bounce, what it suppresses by
    ("ses", ses("Send"), "accepted", None, None),
    ("ses", ses("Delivery"), "delivered", None, None),
    ("ses", ses("DeliveryDelay", {"delayType": "MailboxFull"}, "deliveryDelay"), "deferred", SOFT, None),
    ("ses", ses("Reject", {"reason": "Bad content"}), "dropped", None, None),
    ("ses", ses("Rendering Failure", {"errorMessage": "no {{ city }}"}, "failure"), "dropped", None, None),
    ("ses", ses("Bounce", {"bounceType": "Permanent", "bounceSubType": "General"}), "bounced", HARD, "hard_bounced"),
    ("ses", ses("Bounce", {"bounceType": "Permanent", "bounceSubType": "Suppressed"}), "bounced", HARD, "hard_bounced"),
    ("ses", ses("Bounce", {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}), "dropped", None, "hard_bounced"),
    ("ses", ses("Bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}), "bounced", SOFT, None),
    ("ses", ses("Bounce", {"bounceType": "Transient", "bounceSubType": "ContentRejected"}), "bounced", BLOCKED, None),
    ("ses", ses("Bounce", {"bounceType": "Undetermined"}), "bounced", BounceClass.UNDETERMINED, None),
    ("ses", ses("Complaint", {"complaintFeedbackType": "abuse"}), "complained", None, "complained"),
    ("ses", ses("Complaint", {"complaintFeedbackType": "not-spam"}), "unknown", None, None),
    ("ses", ses("Complaint", {"complaintSubType": "OnAccountSuppressionList"}), "dropped", None, "complained"),
    ("ses", ses("Subscription", {"newTopicPreferences": {"unsubscribeAll": True}}), "unsubscribed", None, "unsubscribed"),
    ("ses", ses("Subscription", {"newTopicPreferences": {"unsubscribeAll": False}}), "resubscribed", None, None),
    ("ses", ses("Something new"), "unknown", None, None),
    ("mailgun", mailgun("failed", severity="permanent", reason="bounce"), "bounced", HARD, "hard_bounced"),
    ("mailgun", mailgun("failed", severity="permanent", reason="old", **{"delivery-status": {"message": FULL}}), "bounced", SOFT, None),
    (
        "mailgun",
        mailgun("failed", severity="permanent", reason="generic", **{"delivery-status": {"message": LISTED}}),
        "bounced",
        BLOCKED,
        None,
    ),
    (
        "mailgun",
        mailgun("failed", severity="permanent", reason="generic", **{"delivery-status": {"message": NO_USER}}),
        "bounced",
        HARD,
        "hard_bounced",
    ),
    ("mailgun", mailgun("failed", severity="temporary", **{"delivery-status": {"message": FULL}}), "deferred", SOFT, None),
    ("mailgun", mailgun("failed", severity="permanent", reason="suppress-unsubscribe"), "dropped", None, "unsubscribed"),
    ("mailgun", mailgun("failed", severity="permanent", reason="suppress-complaint"), "dropped", None, "complained"),
    ("mailgun", mailgun("rejected", reject={"reason": "not allowed"}), "dropped", None, None),
    ("mailgun", mailgun("stored"), "unknown", None, None),
    ("sparkpost", sparkpost("injection"), "accepted", None, None),
    ("sparkpost", sparkpost("delivery"), "delivered", None, None),
    ("sparkpost", sparkpost("delay", bounce_class="22", raw_reason=FULL), "deferred", SOFT, None),
    ("sparkpost", sparkpost("bounce", bounce_class="10", raw_reason=NO_USER), "bounced", HARD, "hard_bounced"),
    ("sparkpost", sparkpost("bounce", bounce_class=10), "bounced", HARD, "hard_bounced"),
    ("sparkpost", sparkpost("bounce", bounce_class="51", raw_reason=LISTED), "bounced", BLOCKED, None),
    ("sparkpost", sparkpost("out_of_band", bounce_class="60", raw_reason="Out of office"), "unknown", None, None),
    ("sparkpost", sparkpost("out_of_band", bounce_class="90"), "unsubscribed", None, "unsubscribed"),
    ("sparkpost", sparkpost("policy_rejection"), "dropped", None, None),
    ("sparkpost", sparkpost("spam_complaint"), "complained", None, "complained"),
    ("sparkpost", sparkpost("initial_open"), "opened", None, None),
    ("sparkpost", sparkpost("list_unsubscribe"), "unsubscribed", None, "unsubscribed"),
    ("sparkpost", [{"msys": {}}], "unknown", None, None),
    (
        "resend",
        resend("email.bounced", bounce={"type": "Permanent", "subType": "General", "message": NO_USER}),
        "bounced",
        HARD,
        "hard_bounced",
    ),
    ("resend", resend("email.bounced", bounce={"type": "Transient", "subType": "MailboxFull"}), "bounced", SOFT, None),
    ("resend", resend("email.delivery_delayed"), "deferred", SOFT, None),
    ("resend", resend("email.complained"), "complained", None, "complained"),
    ("resend", resend("email.clicked", click={"link": "https://shop.example/", "timestamp": ISO}), "clicked", None, None),
    ("resend", resend("email.opened", tags=[{"name": OUR_ID, "value": OURS}]), "opened", None, None),
    ("resend", resend("email.failed", failed={"reason": "reached_daily_quota"}), "dropped", None, None),
    ("resend", resend("email.suppressed"), "dropped", None, "hard_bounced"),
    ("resend", resend("contact.created"), "unknown", None, None),
    ("postmark", postmark("Bounce", ID=1, Type="SoftBounce", Details=FULL), "bounced", SOFT, None),
    ("postmark", postmark("Bounce", ID=1, Type="SpamNotification"), "bounced", BLOCKED, None),
    ("postmark", postmark("Bounce", ID=1, Type="Unknown", Details=NO_USER), "bounced", HARD, "hard_bounced"),
    ("postmark", postmark("Bounce", ID=1, Type="Transient"), "deferred", SOFT, None),
    ("postmark", postmark("Bounce", ID=1, Type="AutoResponder"), "unknown", None, None),
    ("postmark", postmark("Bounce", ID=1, Type="Unsubscribe"), "unsubscribed", None, "unsubscribed"),
    ("postmark", postmark("SubscriptionChange", SuppressSending=False), "resubscribed", None, None),
    ("postmark", postmark("SubscriptionChange", SuppressSending=True, SuppressionReason="SpamComplaint"), "complained", None, "complained"),
    ("postmark", postmark("Inbound"), "unknown", None, None),
    ("sendgrid", sendgrid("bounce", type="bounce", reason=NO_USER, status="5.1.1"), "bounced", HARD, "hard_bounced"),
    ("sendgrid", sendgrid("bounce", type="blocked", reason=LISTED, status="5.7.1"), "bounced", BLOCKED, None),
    ("sendgrid", sendgrid("bounce", type="blocked", reason=FULL), "bounced", SOFT, None),
    ("sendgrid", sendgrid("deferred", response=FULL), "deferred", SOFT, None),
    ("sendgrid", sendgrid("dropped", reason="Unsubscribed Address"), "dropped", None, "unsubscribed"),
    ("sendgrid", sendgrid("dropped", reason="Spam Reporting Address"), "dropped", None, "complained"),
    ("sendgrid", sendgrid("dropped", reason="Invalid SMTPAPI header"), "dropped", None, None),
    ("sendgrid", sendgrid("open", sg_machine_open=True), "opened", None, None),
    ("sendgrid", sendgrid("account_status_change"), "unknown", None, None),
    ("brevo", brevo("soft_bounce", reason=FULL), "bounced", SOFT, None),
    ("brevo", brevo("hard_bounce", reason=LISTED), "bounced", BLOCKED, None),
    ("brevo", brevo("blocked", reason="hard bounce"), "dropped", None, "hard_bounced"),
    ("brevo", brevo("spam"), "complained", None, "complained"),
    ("brevo", brevo("uniqueOpened"), "opened", None, None),
    ("brevo", brevo("list_addition"), "unknown", None, None),
    ("mailjet", mailjet("bounce", hard_bounce=True, error="user unknown"), "bounced", HARD, "hard_bounced"),
    ("mailjet", mailjet("bounce", hard_bounce=False, error="quota exceeded"), "bounced", SOFT, None),
    ("mailjet", mailjet("bounce", hard_bounce=False, error="user unknown", comment=NO_USER), "bounced", HARD, "hard_bounced"),
    ("mailjet", mailjet("blocked", error="duplicate in campaign"), "dropped", None, None),
    ("mailjet", [mailjet("sent")], "delivered", None, None),
    ("mailchimp", mailchimp("hard_bounce", msg={"diag": NO_USER}), "bounced", HARD, "hard_bounced"),
    ("mailchimp", mailchimp("soft_bounce", msg={"diag": FULL, "bounce_description": "mailbox_full"}), "bounced", SOFT, None),
    ("mailchimp", mailchimp("reject", msg={"reject": {"reason": "unsub"}}), "dropped", None, "unsubscribed"),
    ("mailchimp", mailchimp("click", url="https://shop.example/", ip="203.0.113.9"), "clicked", None, None),
    ("mailchimp", {"mandrill_events": json.dumps(mailchimp("open"))}, "opened", None, None),
    ("mailchimp", [{"type": "blacklist", "action": "add"}], "unknown", None, None),
]


@pytest.mark.parametrize(("provider", "told", "kind", "bounce", "suppresses"), DOC)
def test_in_our_words(provider: str, told: Any, kind: str, bounce: BounceClass | None, suppresses: str | None) -> None:
    """Kind, class of bounce and consequence; our message id, the address and the instant, wherever this provider has them."""
    [heard] = understood(provider, told)
    assert (heard.kind, heard.bounce and heard.bounce.kind, heard.suppresses) == (kind, bounce, suppresses)
    if heard.kind is EventKind.UNKNOWN:
        assert heard.reason
        return
    assert (heard.message_id, heard.address) == (OURS, "ada@example.org")
    assert heard.occurred_at in (AT, None)


def test_by_svixs_id() -> None:
    """Resend's events are told apart by the id in their headers, which a repetition keeps."""
    [first], [again], [other] = (understood("resend", resend("email.sent"), **{"svix-id": name}) for name in ("msg_1", "msg_1", "msg_2"))
    assert first.key == again.key != other.key


def test_in_envelopes_of_sns() -> None:
    """An event in an envelope of SNS is known by SNS's MessageId; its raw text is the event's own, which is understood without it."""
    event = ses("Click", {"link": "https://shop.example/", "userAgent": "Mozilla/5.0", "ipAddress": "203.0.113.9"})
    [heard] = PROVIDERS["ses"].understand(topic().post(Message=json.dumps(event), MessageId="sns-1"))
    assert (heard.kind, heard.key, json.loads(heard.raw)) == (EventKind.CLICKED, "sns-1", event)
    assert (heard.url, heard.user_agent, heard.ip) == ("https://shop.example/", "Mozilla/5.0", "203.0.113.9")


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_sns_about_itself(kind: str) -> None:
    """What SNS says about the subscription is kept, and is no event of a letter."""
    [heard] = PROVIDERS["ses"].understand(topic().post(kind))
    assert (heard.kind, heard.reason) == (EventKind.UNKNOWN, kind)


def test_sns_with_words_instead_of_an_event() -> None:
    """SES says hello in plain words when a topic is set up."""
    [heard] = PROVIDERS["ses"].understand(topic().post(Message="Successfully validated SNS topic for Amazon SES event publishing."))
    assert heard.kind is EventKind.UNKNOWN


def test_several_recipients_of_one_ses_message() -> None:
    """A bounce for several recipients is one event for each of them."""
    part = {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": f"{who}@example.org", "status": "5.1.1"} for who in "abc"]}
    heard = understood("ses", ses("Bounce", part))
    assert [one.address for one in heard] == ["a@example.org", "b@example.org", "c@example.org"]
    assert len({one.key for one in heard}) == 3


def test_from_eventbridge() -> None:
    """EventBridge has the event of SES as its detail."""
    [heard] = understood("ses", {"version": "0", "detail-type": "Email Delivered", "detail": ses("Delivery")})
    assert (heard.kind, heard.message_id) == (EventKind.DELIVERED, OURS)


def test_notifications_of_the_older_kind() -> None:
    """SES's feedback notifications have other names for the same."""
    event = ses("Bounce", {"bounceType": "Permanent", "bounceSubType": "NoEmail"})
    event["notificationType"] = event.pop("eventType")
    [heard] = understood("ses", event)
    assert heard.bounce and heard.bounce.kind is HARD


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("sendgrid", [{"event": "open", "smtp-id": f"<{OURS}@shop.example>", "email": "a@example.org"}]),
        ("mailgun", mailgun("opened", **{"user-variables": {}, "message": {"headers": {"message-id": f"{OURS}@shop.example"}}})),
        ("ses", {"eventType": "Open", "mail": {"headers": [{"name": "Message-ID", "value": f"<{OURS}@shop.example>"}]}, "open": {}}),
    ],
)
def test_letters_that_a_relay_brought_there(provider: str, told: Any) -> None:
    """Where nothing of ours came back but the Message-ID, that names the message: letters may reach an ESP by SMTP."""
    [heard] = understood(provider, told)
    assert heard.message_id == OURS


def test_ids_of_others() -> None:
    """Metadata that others set under our name, and Message-IDs of theirs, are no message of ours."""
    ids: list[Any] = ["", "x" * 32, OURS[:-1], OURS.upper(), 7, None, [], {}, ["x"]]
    for theirs in ids:
        [heard] = understood("sendgrid", [{"event": "open", OUR_ID: theirs}])
        assert heard.message_id is None


def test_mailguns_older_form() -> None:
    """The form that Mailgun posted before, with variables beside the fields."""
    told = f"event=bounced&recipient=ada%40example.org&timestamp={SECONDS}&token=t1&signature=s"
    body = f"{told}&code=550&error=5.1.1+No+such+user&{OUR_ID}={OURS}"
    [heard] = PROVIDERS["mailgun"].understand(RawPost({"content-type": "application/x-www-form-urlencoded"}, body.encode()))
    assert (heard.kind, heard.address, heard.message_id) == (EventKind.BOUNCED, "ada@example.org", OURS)
    assert heard.bounce and (heard.bounce.kind, heard.suppresses) == (HARD, "hard_bounced")
    assert heard.occurred_at == AT


def test_mandrills_form() -> None:
    """The list in the field of a form."""
    [heard] = PROVIDERS["mailchimp"].understand(mandrill())
    assert (heard.kind, heard.address) == (EventKind.OPENED, "a@example.org")


def test_thousands_in_one_post() -> None:
    """A batch gives one event each, in its order."""
    heard = understood("sendgrid", [{"event": "delivered", "sg_event_id": str(number)} for number in range(5_000)])
    assert [one.key for one in heard] == [f"{number}|delivered" for number in range(5_000)]


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)),
    max_leaves=12,
)
_PAYLOADS = st.sampled_from([(provider, told) for provider, told, *_ in DOC])


def _paths(told: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    return [path, *(found for key, value in inner for found in _paths(value, (*path, key)))]


def _exchanged(told: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(told) if isinstance(told, dict) else list(told)
    copy[path[0]] = _exchanged(told[path[0]], path[1:], value)
    return copy


@given(_PAYLOADS, st.data(), _JSON)
def test_any_value_in_any_place(payload: tuple[str, Any], data: st.DataObject, value: Any) -> None:
    """Whatever stands in the place of any part of a payload: events, none lost, fit to be stored, and never an exception."""
    provider, told = payload
    changed = _exchanged(told, data.draw(st.sampled_from(_paths(told))), value)
    _fit_to_be_stored(provider, json.dumps(changed).encode())


@given(st.sampled_from(sorted(PROVIDERS)), st.binary(max_size=300))
@example("ses", b"")
@example("sendgrid", b"[" * 100_000)
@example("brevo", b'{"event": ' * 100_000)
@example("mailgun", b'"\\ud800"')
@example("mailjet", b'[{"event": "\\ud800\\u0000", "MessageID": 1e400, "time": 9e99, "email": "\\ud800@x"}]')
@example("mailjet", b'{"event": "open", "MessageID": ' + b"9" * 6_000 + b', "time": ' + b"9" * 5_000 + b"}")
@example("sparkpost", b"NaN")
@example("mailchimp", b"mandrill_events=%ff%00")
@example("postmark", b"\xff\xfe{}")
def test_any_bytes(provider: str, body: bytes) -> None:
    """Whatever the bytes: something is heard, and never an exception."""
    _fit_to_be_stored(provider, body)


def _fit_to_be_stored(provider: str, body: bytes) -> None:
    heard = list(PROVIDERS[provider].understand(RawPost({}, body)))
    assert heard or body.strip() in (b"[]", b"mandrill_events=") or b"[]" in body
    for one in heard:
        for value in (one.key, one.raw, *(each for each in asdict(one).values() if isinstance(each, str))):
            assert "\x00" not in value
            value.encode()
        assert one.occurred_at is None or one.occurred_at.tzinfo is UTC
