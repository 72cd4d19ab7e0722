"""The simulated ESP: each provider's API, called as its reference says."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from simulator.esp.handle import SimulatedEsp
from simulator.esp.providers.ses_signature import KNOWN_KEY
from tests.simulator import esp_calls as calls
from tests.simulator.esp_calls import HTML, MANY, SENDER, SUBJECT, TEXT, address, name

NUMBERS = (1, 2, 3)
MIME = (
    f"From: {SENDER}\r\nTo: r1@example.org\r\nSubject: Hello\r\nMessage-ID: <{'ab' * 16}@shop.example>\r\nMIME-Version: 1.0\r\n"
    'Content-Type: text/plain; charset="utf-8"\r\n\r\nHello.\r\n.and a dot\r\n'
).encode()


def _ids(answer: httpx.Response) -> Any:
    """The ids in an answer that is a clear yes, as the API reference shows it."""
    told = answer.json() if answer.content else {}
    return {
        "/v3/mail/send": lambda: [answer.headers["x-message-id"]],
        "/v3/shop.example/messages": lambda: [told["id"]] if told["message"] == "Queued. Thank you." else None,
        "/email/batch": lambda: [one["MessageID"] for one in told if one["ErrorCode"] == 0 and one["Message"] == "OK"],
        "/api/v1/transmissions": lambda: [told["results"]["id"]] if told["results"]["total_accepted_recipients"] == 3 else None,
        "/emails/batch": lambda: [one["id"] for one in told["data"]],
        "/v3.1/send": lambda: [str(one["To"][0]["MessageID"]) for one in told["Messages"] if one["Status"] == "success"],
        "/v3/smtp/email": lambda: told["messageIds"],
        "/v2/email/outbound-bulk-emails": lambda: [one["MessageId"] for one in told["BulkEmailEntryResults"] if one["Status"] == "SUCCESS"],
    }[answer.request.url.path]()


@pytest.mark.parametrize("provider", MANY)
def test_takes_a_batch(esp: SimulatedEsp, provider: str) -> None:
    """A documented call of three messages is answered as documented; each arrives whole, under our id and the id in the answer."""
    answer = MANY[provider](NUMBERS).to(esp.url)
    assert answer.status_code == {"sendgrid": 202, "brevo": 201}.get(provider, 200), answer.text
    held = esp.messages(provider=provider)
    assert [(one.message_id, one.recipient) for one in held] == [(name(number), address(number)) for number in NUMBERS]
    assert {(one.subject, one.html, one.text) for one in held} == {(SUBJECT, HTML, TEXT)}
    ids = _ids(answer)
    assert [one.esp_message_id for one in held] == (ids if len(ids) == 3 else ids * 3)
    counts = esp.counts(provider)
    assert (counts.calls, counts.messages, counts.distinct, counts.duplicates) == (1, 3, 3, 0)


@pytest.mark.parametrize("provider", MANY)
def test_counts_what_came_twice(esp: SimulatedEsp, provider: str) -> None:
    """The same call twice is two acceptances of each id, unless a key makes it one."""
    for _ in range(2):
        MANY[provider](NUMBERS).to(esp.url)
    assert set(esp.accepted(provider).values()) == {2}
    assert esp.counts(provider).duplicates == 3


@pytest.mark.parametrize("provider", MANY)
@pytest.mark.parametrize("secret", ["missing", "revoked"])
def test_refuses_credentials(esp: SimulatedEsp, provider: str, secret: str) -> None:
    """Credentials that are missing or revoked are refused with the provider's own status, and nothing is taken."""
    call = MANY[provider](NUMBERS)
    bare = {key: value for key, value in call.headers.items() if key in ("content-type", "host")}
    revoked = {
        "authorization": calls.basic("api", "revoked") if provider in ("mailgun", "mailjet") else "revoked",
        "x-postmark-server-token": "revoked",
        "api-key": "revoked",
    }
    revoked |= {"authorization": "Bearer revoked"} if provider in ("sendgrid", "resend") else {}
    answer = calls.Call(call.path, bare | (revoked if secret == "revoked" else {}), call.body).to(esp.url)
    assert answer.status_code == (403 if provider == "ses" or (provider, secret) == ("resend", "revoked") else 401)
    assert esp.counts(provider).messages == 0


def test_ses_checks_the_signature(esp: SimulatedEsp) -> None:
    """A call of the well-known key that was signed by another secret is refused as AWS does."""
    call = calls.signed("/v2/email/outbound-emails", {}, secret="another")
    answer = call.to(esp.url)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")


def test_ses_takes_one_message_each_way(esp: SimulatedEsp) -> None:
    """Simple, raw and templated messages are taken; raw bytes arrive as they were."""
    raw = {"Raw": {"Data": b64encode(MIME).decode()}}
    template = {"Template": {"TemplateContent": {"Subject": "Hi {{n}}", "Text": "{{n}}"}, "TemplateData": '{"n": "Ada"}'}}
    for call in (calls.ses(), calls.ses(Content=raw, EmailTags=[]), calls.ses(Content=template)):
        assert call.to(esp.url).json()["MessageId"]
    simple, as_is, printed = esp.messages(provider="ses")
    assert (simple.subject, simple.html) == (SUBJECT, HTML)
    assert (as_is.mime, as_is.message_id, as_is.subject) == (MIME, "ab" * 16, "Hello")
    assert (printed.subject, printed.text) == ("Hi Ada", "Ada")


def test_mailgun_takes_mime(esp: SimulatedEsp) -> None:
    """messages.mime takes multipart/form-data with a file, whose bytes arrive as they were."""
    assert calls.mailgun_mime(MIME).to(esp.url).status_code == 200
    [held] = esp.messages(provider="mailgun")
    assert (held.mime, held.message_id, held.metadata) == (MIME, name(1), {"message_id": name(1)})


def test_mailgun_without_variables(esp: SimulatedEsp) -> None:
    """Without recipient variables everybody sees everybody's address, as at Mailgun."""
    calls.mailgun((1, 2), **{"recipient-variables": "", "v:message_id": name(1)}).to(esp.url)
    assert {(one.headers or {})["To"] for one in esp.messages(provider="mailgun")} == {f"{address(1)}, {address(2)}"}


def test_single_messages(esp: SimulatedEsp) -> None:
    """Postmark, Resend and Brevo take one message at an address of its own, or without versions."""
    token = {"x_postmark_server_token": "token"}
    assert calls.in_json("/email", calls.postmark_message(1), **token).to(esp.url).json()["ErrorCode"] == 0
    assert calls.in_json("/emails", calls.resend_email(1), authorization="Bearer k").to(esp.url).json()["id"]
    mail = {"sender": {"email": SENDER}, "to": [{"email": address(1)}], "subject": "S", "textContent": "T"}
    assert calls.in_json("/v3/smtp/email", mail, api_key="k").to(esp.url).json()["messageId"].startswith("<")


BROKEN: Mapping[str, tuple[Callable[[], calls.Call], int, str]] = {
    "sendgrid, too many": (lambda: calls.sendgrid(range(1_001)), 400, "limited to 1000"),
    "sendgrid, nobody": (lambda: calls.sendgrid(()), 400, "at least one personalization"),
    "sendgrid, twice the same": (lambda: calls.sendgrid((1, 1)), 400, "unique"),
    "sendgrid, order of contents": (
        lambda: calls.sendgrid(content=[{"type": "text/html", "value": "h"}, {"type": "text/plain", "value": "t"}]),
        400,
        "text/plain must be first",
    ),
    "sendgrid, reserved header": (lambda: calls.sendgrid(headers={"Reply-To": "x@example.org"}), 400, "reserved"),
    "sendgrid, long values": (
        lambda: calls.sendgrid(personalizations=[{"to": [{"email": address(1)}], "substitutions": {"-a-": "x" * 10_000}}]),
        400,
        "limited to 10000 bytes",
    ),
    "mailgun, too many": (lambda: calls.mailgun(range(1_001)), 400, "Too many recipients"),
    "mailgun, nobody": (lambda: calls.mailgun(()), 400, "to parameter is missing"),
    "mailgun, options too long": (lambda: calls.mailgun(**{"v:x": "y" * 16_000}), 400, "16 kB"),
    "mailgun, variables": (lambda: calls.mailgun(**{"recipient-variables": "{"}), 400, "not a valid JSON"),
    "postmark, too many": (lambda: calls.postmark(range(501)), 422, "Too many batch messages"),
    "sparkpost, nobody": (lambda: calls.sparkpost(()), 400, "at least one recipient"),
    "sparkpost, key": (lambda: calls.sparkpost(key="not a key"), 400, "1602"),
    "sparkpost, template": (lambda: calls.sparkpost(html="{{#each x}}"), 422, "3000"),
    "resend, too many": (lambda: calls.resend(range(101)), 422, "1 to 100"),
    "resend, tag": (
        lambda: calls.in_json("/emails", calls.resend_email(1, tags=[{"name": "a b", "value": "c"}]), authorization="Bearer k"),
        422,
        "ASCII letters",
    ),
    "mailjet, too many": (lambda: calls.mailjet(range(51)), 400, "mj-0008"),
    "brevo, too many": (lambda: calls.brevo(range(1_001)), 400, "invalid_parameter"),
    "brevo, key": (lambda: calls.brevo(key="no-uuid"), 400, "UUID"),
    "brevo, no text for all": (lambda: calls.brevo(htmlContent="", textContent=""), 400, "missing_parameter"),
    "ses, too many": (lambda: calls.ses_bulk(range(51)), 400, "1 to 50"),
    "ses, tag": (lambda: calls.ses(EmailTags=[{"Name": "a b", "Value": "c"}]), 400, "A-Z"),
    "ses, stored template": (lambda: calls.ses(Content={"Template": {"TemplateName": "x"}}), 404, "no stored templates"),
    "no such address": (lambda: calls.in_json("/v9/nothing", {}), 404, "no such address"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_rules(esp: SimulatedEsp, case: str) -> None:
    """A call that breaks a documented rule is refused whole, with the documented status."""
    call, status, words = BROKEN[case]
    answer = call().to(esp.url)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert not esp.accepted()


NONSENSE = (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"recipients": 5}', b'{"Messages": {}}', b'{"personalizations": "x"}')


@pytest.mark.parametrize("body", NONSENSE)
@pytest.mark.parametrize("provider", MANY)
def test_nonsense(esp: SimulatedEsp, provider: str, body: bytes) -> None:
    """A body that is no call gets a refusal, never a broken connection or a fault of the simulator."""
    call = MANY[provider]()
    unchecked = {key: value.replace(KNOWN_KEY, "AKIAOTHER") for key, value in call.headers.items()}
    answer = calls.Call(call.path, unchecked, body).to(esp.url)
    assert 400 <= answer.status_code < 500


def test_judges_one_by_one(esp: SimulatedEsp) -> None:
    """Where a provider judges messages one by one, a faulty one is told by itself and the others are taken."""
    token = {"x_postmark_server_token": "token"}
    postmark = calls.in_json("/email/batch", [calls.postmark_message(1), calls.postmark_message(2, To="nobody")], **token).to(esp.url)
    assert [one["ErrorCode"] for one in postmark.json()] == [0, 300]
    messages = [calls.mailjet_message(1), calls.mailjet_message(2, Headers={"List-Id": "x"})]
    mailjet = calls.in_json("/v3.1/send", {"Messages": messages}, authorization=calls.basic("k", "s")).to(esp.url)
    assert (mailjet.status_code, [one["Status"] for one in mailjet.json()["Messages"]]) == (400, ["success", "error"])
    assert mailjet.json()["Messages"][1]["Errors"][0]["ErrorCode"] == "send-0011"
    headers = {"authorization": "Bearer k", "x_batch_validation": "permissive"}
    resend = calls.in_json("/emails/batch", [calls.resend_email(1, to="nobody"), calls.resend_email(2)], **headers).to(esp.url)
    assert (len(resend.json()["data"]), resend.json()["errors"][0]["index"]) == (1, 0)
    assert [len(esp.accepted(name)) for name in ("postmark", "mailjet", "resend")] == [1, 1, 1]


def test_looks_messages_up(esp: SimulatedEsp) -> None:
    """Postmark finds messages by metadata and Mailjet by CustomID: those of the same account, and no others."""
    calls.postmark((1, 2)).to(esp.url)
    calls.mailjet((1, 2)).to(esp.url)
    token = {"x-postmark-server-token": "token"}
    found = httpx.get(f"{esp.url}/messages/outbound?count=50&offset=0&metadata_message_id={name(2)}", headers=token).json()
    assert (found["TotalCount"], found["Messages"][0]["Recipients"]) == (1, [address(2)])
    other = {"x-postmark-server-token": "another"}
    assert httpx.get(f"{esp.url}/messages/outbound?count=1&offset=0&metadata_message_id={name(2)}", headers=other).json()["TotalCount"] == 0
    found = httpx.get(f"{esp.url}/v3/REST/message?CustomID={name(1)}&ShowCustomID=true", auth=("key", "secret")).json()
    assert (found["Count"], found["Data"][0]["CustomID"], found["Data"][0]["Status"]) == (1, name(1), "sent")
    assert httpx.get(f"{esp.url}/v3/REST/message?CustomID=other", auth=("key", "secret")).json()["Count"] == 0


def test_over_tls(esp: SimulatedEsp) -> None:
    """The same API answers over TLS, with a certificate that a client can trust by its file."""
    call = calls.resend()
    answer = httpx.post(f"{esp.tls_url}{call.path}", headers=dict(call.headers), content=call.body, verify=str(esp.certificate))
    assert answer.status_code == 200
