"""The simulated ESP: spoken to by each provider's own client, where it is installed (the extra `sdks`)."""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest

from simulator.esp.handle import SimulatedEsp
from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET
from tests.simulator.esp_calls import HTML, SENDER, SUBJECT, TEXT, address, name
from tests.simulator.esp_receiver import receiving

VALUES = {"s": SUBJECT, "h": HTML}  # by name, where the provider puts them in
WHY = "not installed: it is part of the extra `sdks`"


def _sdk(module: str) -> Any:
    return pytest.importorskip(module, reason=f"{module} {WHY}")


def _arrived(esp: SimulatedEsp, provider: str, *, count: int = 2) -> None:
    """The letters of this test are there, whole and under our ids."""
    held = sorted(esp.messages(provider=provider), key=lambda one: one.message_id)  # some clients turn the order round
    assert [(one.message_id, one.recipient) for one in held] == [(name(n), address(n)) for n in range(1, count + 1)]
    assert {(one.subject, one.html, one.text) for one in held} == {(SUBJECT, HTML, TEXT)}


def test_boto3(esp: SimulatedEsp) -> None:
    """boto3 sends a raw letter and a bulk of templated ones; its signatures hold, and throttling comes entry by entry."""
    boto3 = _sdk("boto3")
    keys = {"aws_access_key_id": KNOWN_KEY, "aws_secret_access_key": KNOWN_SECRET}
    client = boto3.client("sesv2", endpoint_url=esp.url, region_name="eu-west-1", **keys)
    mime = b"From: a@shop.example\r\nTo: b@example.org\r\nSubject: x\r\n\r\nHello\r\n"
    raw = client.send_email(Destination={"ToAddresses": [address(9)]}, Content={"Raw": {"Data": mime}})
    [held] = esp.messages(provider="ses")
    assert (held.mime, held.esp_message_id) == (mime, raw["MessageId"])
    esp.reset()
    bulk = {
        "FromEmailAddress": SENDER,
        "DefaultContent": {"Template": {"TemplateContent": {"Subject": "{{s}}", "Html": "{{h}}", "Text": TEXT}, "TemplateData": "{}"}},
        "BulkEmailEntries": [_entry(number) for number in (1, 2)],
    }
    assert [one["Status"] for one in client.send_bulk_email(**bulk)["BulkEmailEntryResults"]] == ["SUCCESS"] * 2
    _arrived(esp, "ses")
    esp.set_faults("throttle=1")
    assert {one["Status"] for one in client.send_bulk_email(**bulk)["BulkEmailEntryResults"]} == {"ACCOUNT_THROTTLED"}


def _entry(number: int) -> dict[str, Any]:
    data = {"ReplacementTemplateData": json.dumps(VALUES)}
    return {
        "Destination": {"ToAddresses": [address(number)]},
        "ReplacementTags": [{"Name": "message_id", "Value": name(number)}],
        "ReplacementEmailContent": {"ReplacementTemplate": data},
    }


def test_sendgrid(esp: SimulatedEsp) -> None:
    """SendGrid's client sends personalizations with substitutions in subject and HTML, and verifies the events that follow."""
    mail, client = _sdk("sendgrid.helpers.mail"), _sdk("sendgrid")
    message = mail.Mail(from_email=SENDER, subject="-s-", plain_text_content=TEXT, html_content="-h-")
    for number in (1, 2):
        one = mail.Personalization()
        one.add_to(mail.To(address(number)))
        for tag, value in VALUES.items():
            one.add_substitution(mail.Substitution(f"-{tag}-", value))
        one.add_custom_arg(mail.CustomArg("message_id", name(number)))
        message.add_personalization(one)
    with receiving() as receiver:
        esp.set_events(receiver.url, "span=0")
        answer = client.SendGridAPIClient("SG.key", host=esp.url).send(message)
        esp.wait_until_told()
    assert (answer.status_code, bool(answer.headers["X-Message-Id"])) == (202, True)
    _arrived(esp, "sendgrid")
    verifier = _sdk("sendgrid.helpers.eventwebhook").EventWebhook(esp.keys()["sendgrid_public_key"])
    headers = [f"x-twilio-email-event-webhook-{part}" for part in ("signature", "timestamp")]
    assert all(verifier.verify_signature(one.body.decode(), *(one.headers[key] for key in headers)) for one in receiver.posted)


def test_mailgun(esp: SimulatedEsp) -> None:
    """Mailgun's client sends a batch with recipient variables, and MIME; its check of signatures takes the events that follow."""
    client = _sdk("mailgun.client").Client(auth=("api", "key-1"), api_url=esp.url)
    variables = {address(number): {"id": name(number), **VALUES} for number in (1, 2)}
    data = {"from": SENDER, "to": [address(1), address(2)], "subject": "%recipient.s%", "text": TEXT, "html": "%recipient.h%"}
    data |= {"v:message_id": "%recipient.id%", "recipient-variables": json.dumps(variables)}
    with receiving() as receiver:
        esp.set_events(receiver.url, "span=0")
        answer = client.messages.create(data=data, domain="shop.example")
        esp.wait_until_told()
    assert (answer.status_code, answer.json()["message"]) == (200, "Queued. Thank you.")
    _arrived(esp, "mailgun")
    check = _sdk("mailgun.security").SecurityGuard.verify_webhook
    signatures = [one.json["signature"] for one in receiver.posted]
    assert [check(esp.keys()["mailgun_signing_key"], one["token"], one["timestamp"], one["signature"]) for one in signatures] == [True] * 2
    mime = b"From: a@shop.example\r\nSubject: x\r\n\r\nHello\r\n"
    sent = client.mimemessage.create(data={"to": address(3)}, files={"message": ("m.mime", mime)}, domain="shop.example")
    assert (sent.status_code, esp.messages(provider="mailgun")[-1].mime) == (200, mime)


def test_postmark(esp: SimulatedEsp) -> None:
    """Postmark's client sends a batch and reads the word on each message."""
    sync = _sdk("postmark.sync")
    texts = {"sender": SENDER, "subject": SUBJECT, "html_body": HTML, "text_body": TEXT}
    messages = [{**texts, "to": address(number), "metadata": {"message_id": name(number)}} for number in (1, 2)]
    with sync.ServerClient("token", base_url=esp.url, retries=0) as client:
        told = client.outbound.send_batch(messages)
    _arrived(esp, "postmark")
    assert [one.message_id for one in told] == [one.esp_message_id for one in esp.messages(provider="postmark")]
    assert [one.error_code for one in told] == [0, 0]


def test_sparkpost(esp: SimulatedEsp, monkeypatch: pytest.MonkeyPatch) -> None:
    """SparkPost's client, which speaks TLS only, sends a transmission with substitution data."""
    sdk = _sdk("sparkpost")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(esp.certificate))
    client = sdk.SparkPost("key", base_uri=str(esp.tls_url).removeprefix("https://"))
    recipients = [{"address": address(n), "metadata": {"message_id": name(n)}, "substitution_data": VALUES} for n in (1, 2)]
    told = client.transmissions.send(recipients=recipients, from_email=SENDER, subject="{{s}}", html="{{{h}}}", text=TEXT)
    assert (told["total_accepted_recipients"], told["total_rejected_recipients"]) == (2, 0)
    _arrived(esp, "sparkpost")


def test_resend(esp: SimulatedEsp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resend's client sends a batch under a key, again without a second letter, and verifies the events that follow."""
    resend = _sdk("resend")
    monkeypatch.setattr(resend, "api_key", "re_key")
    monkeypatch.setattr(resend, "api_url", esp.url)
    texts = {"from": SENDER, "subject": SUBJECT, "html": HTML, "text": TEXT}
    emails = [{**texts, "to": [address(n)], "tags": [{"name": "message_id", "value": name(n)}]} for n in (1, 2)]
    with receiving() as receiver:
        esp.set_events(receiver.url, "span=0")
        first, again = (resend.Batch.send(emails, {"idempotency_key": "weekly/1"}) for _ in range(2))
        esp.wait_until_told()
    assert first["data"] == again["data"]
    _arrived(esp, "resend")
    secret = esp.keys()["resend_signing_secret"]
    for one in receiver.posted:
        headers = {part: one.headers[f"svix-{part}"] for part in ("id", "timestamp", "signature")}
        resend.Webhooks.verify({"payload": one.body.decode(), "headers": headers, "webhook_secret": secret})


def test_mailjet(esp: SimulatedEsp) -> None:
    """Mailjet's client sends by v3.1 and looks a message up by its CustomID."""
    sdk = _sdk("mailjet_rest")
    texts = {"From": {"Email": SENDER}, "Subject": SUBJECT, "HTMLPart": HTML, "TextPart": TEXT}
    messages = [{**texts, "To": [{"Email": address(n)}], "CustomID": name(n)} for n in (1, 2)]
    answer = sdk.Client(auth=("key", "secret"), version="v3.1", api_url=esp.url).send.create(data={"Messages": messages})
    assert [one["Status"] for one in answer.json()["Messages"]] == ["success"] * 2
    _arrived(esp, "mailjet")
    found = sdk.Client(auth=("key", "secret"), version="v3", api_url=esp.url).message.get(filters={"CustomID": name(2)})
    assert [str(one["ID"]) for one in found.json()["Data"]] == [esp.messages(message_id=name(2))[0].esp_message_id]


def test_brevo(esp: SimulatedEsp) -> None:
    """Brevo's client sends versions of one message."""
    client = _sdk("brevo").Brevo(api_key="xkeysib", base_url=f"{esp.url}/v3")
    versions = [{"to": [{"email": address(n)}], "params": VALUES, "headers": {"X-Mailin-custom": _custom(n)}} for n in (1, 2)]
    texts: Mapping[str, Any] = {"subject": "{{params.s}}", "html_content": "{{params.h}}", "text_content": TEXT}
    told = client.transactional_emails.send_transac_email(**texts, sender={"email": SENDER}, message_versions=versions)
    assert told.message_ids == [one.esp_message_id for one in esp.messages(provider="brevo")]
    _arrived(esp, "brevo")


def _custom(number: int) -> str:
    return '{"message_id": "' + name(number) + '"}'


def test_botocore_signs_what_is_checked(esp: SimulatedEsp) -> None:
    """A call that botocore signed with another secret is refused: the signature is really checked."""
    boto3, exceptions = _sdk("boto3"), _sdk("botocore.exceptions")
    keys = {"aws_access_key_id": KNOWN_KEY, "aws_secret_access_key": b64encode(b"another").decode()}
    client = boto3.client("sesv2", endpoint_url=esp.url, region_name="eu-west-1", **keys)
    with pytest.raises(exceptions.ClientError, match="InvalidSignatureException"):
        client.send_email(Destination={"ToAddresses": [address(9)]}, Content={"Raw": {"Data": b"From: a@b.example\r\n\r\n"}})
