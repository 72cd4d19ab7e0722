"""Calls as the providers' API references write them, with nothing of ours: one message, and several in one call."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import orjson

from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET

HTML, TEXT, SUBJECT = "<p>Grüße &amp; 5 &lt; 6</p>", "Grüße & 5 < 6", "Grüße & mehr"
SENDER = "news@shop.example"


@dataclass(frozen=True)
class Call:
    """A call to make."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    def to(self, url: str, *, timeout: float = 20.0) -> httpx.Response:
        """Make it."""
        return httpx.request(self.method, url + self.path, headers=dict(self.headers), content=self.body, timeout=timeout)


def name(number: int) -> str:
    """A message id as ours look."""
    return f"{number:032x}"


def address(number: int) -> str:
    """A recipient."""
    return f"r{number}@example.org"


def basic(user: str, password: str) -> str:
    """The value of Authorization."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def in_json(path: str, content: object, **headers: str) -> Call:
    """A JSON call; headers as `x_api_key`."""
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return Call(path, {"content-type": "application/json", **given}, orjson.dumps(content))


def sendgrid(numbers: Sequence[int] = (1,), **changes: object) -> Call:
    """SendGrid, a personalization each."""
    personalizations = [{"to": [{"email": address(number)}], "custom_args": {"message_id": name(number)}} for number in numbers]
    content = [{"type": "text/plain", "value": TEXT}, {"type": "text/html", "value": HTML}]
    mail = {"personalizations": personalizations, "from": {"email": SENDER, "name": "Shop"}, "subject": SUBJECT, "content": content}
    return in_json("/v3/mail/send", mail | changes, authorization="Bearer SG.key")


def mailgun(numbers: Sequence[int] = (1,), **changes: str) -> Call:
    """Mailgun, a batch with recipient variables."""
    variables = {address(number): {"id": name(number)} for number in numbers}
    fields = {"from": f"Shop <{SENDER}>", "to": ",".join(variables), "subject": SUBJECT, "text": TEXT, "html": HTML}
    fields |= {"v:message_id": "%recipient.id%", "recipient-variables": orjson.dumps(variables).decode()} | changes
    request = httpx.Request("POST", "http://localhost/", data=fields)
    headers = {"authorization": basic("api", "key-1"), "content-type": request.headers["content-type"]}
    return Call("/v3/shop.example/messages", headers, request.read())


def mailgun_mime(mime: bytes, number: int = 1, **fields: str) -> Call:
    """Mailgun, whole MIME."""
    given = {"to": address(number), "v:message_id": name(number)} | fields
    request = httpx.Request("POST", "http://localhost/", data=given, files={"message": ("message.mime", mime)})
    headers = {"authorization": basic("api", "key-1"), "content-type": request.headers["content-type"]}
    return Call("/v3/shop.example/messages.mime", headers, request.read())


def postmark_message(number: int, **changes: object) -> dict[str, object]:
    """One message of a batch."""
    texts = {"Subject": SUBJECT, "HtmlBody": HTML, "TextBody": TEXT}
    return {"From": f"Shop <{SENDER}>", "To": address(number), **texts, "Metadata": {"message_id": name(number)}, **changes}


def postmark(numbers: Sequence[int] = (1,)) -> Call:
    """Postmark, a batch."""
    return in_json("/email/batch", [postmark_message(number) for number in numbers], x_postmark_server_token="token")


def sparkpost(numbers: Sequence[int] = (1,), key: str | None = None, **content: object) -> Call:
    """SparkPost, a recipient each."""
    recipients = [{"address": {"email": address(number)}, "metadata": {"message_id": name(number)}} for number in numbers]
    texts = {"from": SENDER, "subject": SUBJECT, "html": HTML, "text": TEXT}
    headers = {"authorization": "key"} | ({"idempotency_key": key} if key else {})
    return in_json("/api/v1/transmissions", {"recipients": recipients, "content": texts | content}, **headers)


def resend_email(number: int, **changes: object) -> dict[str, object]:
    """One email of a batch."""
    tags = [{"name": "message_id", "value": name(number)}]
    return {"from": f"Shop <{SENDER}>", "to": [address(number)], "subject": SUBJECT, "html": HTML, "text": TEXT, "tags": tags} | changes


def resend(numbers: Sequence[int] = (1,), key: str | None = None) -> Call:
    """Resend, a batch."""
    headers = {"authorization": "Bearer re_key"} | ({"idempotency_key": key} if key else {})
    return in_json("/emails/batch", [resend_email(number) for number in numbers], **headers)


def mailjet_message(number: int, **changes: object) -> dict[str, object]:
    """One message of a call."""
    texts = {"Subject": SUBJECT, "HTMLPart": HTML, "TextPart": TEXT}
    return {"From": {"Email": SENDER, "Name": "Shop"}, "To": [{"Email": address(number)}], "CustomID": name(number), **texts, **changes}


def mailjet(numbers: Sequence[int] = (1,)) -> Call:
    """Mailjet, v3.1."""
    return in_json("/v3.1/send", {"Messages": [mailjet_message(number) for number in numbers]}, authorization=basic("key", "secret"))


def brevo(numbers: Sequence[int] = (1,), key: str | None = None, **changes: object) -> Call:
    """Brevo, a version each."""
    versions = [
        {"to": [{"email": address(number)}], "headers": {"X-Mailin-custom": orjson.dumps({"message_id": name(number)}).decode()}}
        for number in numbers
    ]
    headers = {"headers": {"idempotencyKey": key}} if key else {}
    mail = {"sender": {"email": SENDER}, "subject": SUBJECT, "htmlContent": HTML, "textContent": TEXT, "messageVersions": versions}
    return in_json("/v3/smtp/email", mail | headers | changes, api_key="xkeysib")


def ses(number: int = 1, **changes: object) -> Call:
    """SES, one simple message."""
    body = {"Text": {"Data": TEXT, "Charset": "UTF-8"}, "Html": {"Data": HTML, "Charset": "UTF-8"}}
    tags = [{"Name": "message_id", "Value": name(number)}]
    content = {"Simple": {"Subject": {"Data": SUBJECT}, "Body": body}}
    asked = {"FromEmailAddress": SENDER, "Destination": {"ToAddresses": [address(number)]}, "Content": content, "EmailTags": tags}
    return signed("/v2/email/outbound-emails", asked | changes)


def ses_bulk(numbers: Sequence[int] = (1,), **changes: object) -> Call:
    """SES, a template and an entry each."""
    entries = [
        {"Destination": {"ToAddresses": [address(number)]}, "ReplacementTags": [{"Name": "message_id", "Value": name(number)}]}
        for number in numbers
    ]
    template = {"TemplateContent": {"Subject": SUBJECT, "Html": HTML, "Text": TEXT}, "TemplateData": "{}"}
    asked = {"FromEmailAddress": SENDER, "DefaultContent": {"Template": template}, "BulkEmailEntries": entries}
    return signed("/v2/email/outbound-bulk-emails", asked | changes)


def signed(path: str, content: object, secret: str = KNOWN_SECRET) -> Call:
    """A call signed by AWS Signature Version 4, written out as AWS's documentation has it; the host is not signed for real."""
    body, at = orjson.dumps(content), datetime.now(UTC)
    day, scope = at.strftime("%Y%m%d"), f"{at:%Y%m%d}/eu-west-1/ses/aws4_request"
    headers = {"host": "ses.example", "x-amz-date": at.strftime("%Y%m%dT%H%M%SZ")}
    canonical = "".join(f"{key}:{value}\n" for key, value in headers.items())
    request = "\n".join(("POST", path, "", canonical, ";".join(headers), hashlib.sha256(body).hexdigest()))
    text = "\n".join(("AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(request.encode()).hexdigest()))
    key = ("AWS4" + secret).encode()
    for part in (day, "eu-west-1", "ses", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={KNOWN_KEY}/{scope}, SignedHeaders={';'.join(headers)}, Signature={signature}"
    return Call(path, {**headers, "content-type": "application/json", "authorization": authorization}, body)


MANY = {
    "sendgrid": sendgrid,
    "mailgun": mailgun,
    "postmark": postmark,
    "sparkpost": sparkpost,
    "resend": resend,
    "mailjet": mailjet,
    "brevo": brevo,
    "ses": ses_bulk,
}
