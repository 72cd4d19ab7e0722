"""Signed posts, with the secrets they were signed by: those that others published, and some of our own making."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hmac import digest
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from delivery.webhooks.posts import RawPost, Secrets, Verdict
from delivery.webhooks.providers import PROVIDERS
from delivery.webhooks.sendgrid import SIGNATURE, STAMP
from simulator.esp.certificates import certificate_of
from tests.published import PUBLISHED

TOPIC = "arn:aws:sns:eu-west-1:123456789012:letterpress"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE_URL = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=abc"
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Vector:
    """A post that verifies at an instant."""

    name: str
    provider: str
    post: RawPost
    secrets: Secrets
    at: datetime
    body_is_signed: bool = True

    def verdict(self, **changes: object) -> Verdict:
        """What is said of the post, or of it with some of its parts exchanged."""
        post, secrets, at = replace(self.post), self.secrets, self.at
        if "body" in changes or "headers" in changes:
            post = replace(post, **{name: changes[name] for name in ("body", "headers") if name in changes})  # type: ignore[arg-type]
        secrets = changes.get("secrets", secrets)  # type: ignore[assignment]
        at = changes.get("at", at)  # type: ignore[assignment]
        return PROVIDERS[self.provider].verify(post, secrets, at)


def published() -> Iterator[Vector]:
    """Those under ../shared/data/payloads."""
    folder = PUBLISHED / "payloads"
    for name in ("vector_signature_single", "vector_signature_multiple"):
        told = json.loads((folder / "sendgrid" / f"{name}.json").read_text())
        headers = {SIGNATURE: told["signature"], STAMP: told["timestamp"]}
        secrets = Secrets([told["public_key_spki_b64"]])
        yield Vector(name, "sendgrid", RawPost(headers, told["raw_body"].encode()), secrets, _at(told["timestamp"]))
    for name in ("vector_svix_signature", "vector_symfony_signed_sent"):
        told = json.loads((folder / "resend" / f"{name}.json").read_text())
        at = _at(told["headers"]["svix-timestamp"])
        yield Vector(name, "resend", RawPost(told["headers"], told["raw_body"].encode()), Secrets([told["secret"]]), at)
    key = json.loads((folder / "mailgun" / "vector_symfony_key.json").read_text())["webhook_signing_key"]
    for path in sorted((folder / "mailgun").glob("symfony_*.json")):
        at = _at(json.loads(path.read_text())["signature"]["timestamp"])
        yield Vector(path.stem, "mailgun", RawPost({}, path.read_bytes()), Secrets([key]), at, body_is_signed=False)


def _at(stamp: str) -> datetime:
    return datetime.fromtimestamp(int(stamp), UTC) + timedelta(seconds=90)


@dataclass(frozen=True)
class Sns:
    """A topic of Amazon SNS, with a key and a certificate of its own."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65_537, 2_048))

    @property
    def certificate(self) -> bytes:
        """PEM."""
        return certificate_of(self.key, "sns.amazonaws.com")

    def post(self, kind: str = "Notification", *, version: str = "2", at: datetime = NOW, **parts: str) -> RawPost:
        """A signed message."""
        common = {"Type": kind, "MessageId": "m-1", "TopicArn": TOPIC, "Message": "{}", "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S.000Z}"}
        extra = {"Subject": "Amazon SES"} if kind == "Notification" else {"Token": "abc", "SubscribeURL": SUBSCRIBE_URL}
        told = common | extra | {"SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL} | parts
        names = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told).encode()
        how = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - as SNS has it
        signature = b64encode(self.key.sign(text, padding.PKCS1v15(), how)).decode()
        return RawPost({"content-type": "text/plain; charset=UTF-8"}, json.dumps(told | {"Signature": signature}).encode())

    @property
    def secrets(self) -> Secrets:
        """What verifies its messages."""
        return Secrets([TOPIC], {CERTIFICATE_URL: self.certificate})


@cache
def topic() -> Sns:
    """One for all tests: keys take a moment."""
    return Sns()


def own() -> Iterator[Vector]:
    """Posts of the providers of whom nobody published any, signed here after their documentation."""
    for version in ("1", "2"):
        for kind in ("Notification", "SubscriptionConfirmation"):
            yield Vector(f"sns {kind} {version}", "ses", topic().post(kind, version=version), topic().secrets, NOW)
    yield Vector("mandrill", "mailchimp", mandrill(), Secrets(["key-of-mandrill"]), NOW)


def mandrill(events: str = '[{"event":"open","_id":"1","ts":1,"msg":{"email":"a@example.org"}}]', key: str = "key-of-mandrill") -> RawPost:
    """A form, signed with the address that it is posted to."""
    url = "https://letters.example.com/webhooks/news"
    signature = b64encode(digest(key.encode(), f"{url}mandrill_events{events}".encode(), "sha1")).decode()
    headers: Mapping[str, str] = {"content-type": "application/x-www-form-urlencoded", "x-mandrill-signature": signature}
    return RawPost(headers, urlencode({"mandrill_events": events}).encode(), url)
