"""Amazon SNS: envelopes, their signatures, and the confirmation of subscriptions.

After "Verifying the signatures of Amazon SNS messages" and "HTTP/HTTPS notification JSON formats". A signature proves only that some SNS
topic of somebody sent the message, so the topic has to be one that the account names. The certificate comes from the address that the
message itself names, so that address has to be Amazon's.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import Certificate, load_pem_x509_certificate

from delivery.webhooks.authentic import any_same, from_base64, out_of_time
from delivery.webhooks.posts import Forged, RawPost, Secrets, Verdict, Verified, Wanted
from delivery.webhooks.values import document_of, instant

OLDEST = timedelta(hours=2)  # SNS repeats for an hour at most, whatever the delivery policy
_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]+)+-\d{1,2}\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[\w.-]+\.pem")
_HTTPS = 443
_SIGNED: Mapping[str, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Mapping[str, type[hashes.SHA1] | type[hashes.SHA256]] = {"1": hashes.SHA1, "2": hashes.SHA256}  # by SignatureVersion


def envelope_of(body: bytes | str) -> dict[str, str] | None:
    """The texts of an SNS message; None if it is none."""
    document = document_of(body)
    if not isinstance(document, dict) or str(document.get("Type")) not in _SIGNED:
        return None
    return {name: value for name, value in document.items() if isinstance(value, str)}


def verify(post: RawPost, secrets: Secrets, at: datetime) -> Verdict:
    """By the account's topics, the time stamp, and the signature. Wanted as long as the certificate is not at hand."""
    envelope = envelope_of(post.body)
    if envelope is None:
        return Forged("no message of Amazon SNS")
    if not any_same(envelope.get("TopicArn", ""), secrets.texts):
        return Forged("the topic is not one of the account's")
    signed_at = instant(envelope.get("Timestamp"))
    fault = out_of_time(signed_at, at, OLDEST) if signed_at else "the time stamp cannot be read"
    if signed_at is None or fault:
        return Forged(fault or "")
    return _signed(envelope, secrets, signed_at)


def _signed(envelope: Mapping[str, str], secrets: Secrets, signed_at: datetime) -> Verdict:
    url = envelope.get("SigningCertURL") or envelope.get("SigningCertUrl") or ""
    if not is_certificate_url(url):
        return Forged("the certificate is not on a server of Amazon SNS")
    if url not in secrets.certificates:
        return Wanted(url)
    return _by_certificate(envelope, secrets.certificates[url], signed_at)


def confirmation_url(body: bytes) -> str | None:
    """Where a verified subscription is confirmed: on Amazon's own host and for the topic of the message; else None."""
    envelope = envelope_of(body) or {}
    url = envelope.get("SubscribeURL", "")
    if envelope.get("Type") != "SubscriptionConfirmation" or not _is_amazons(url):
        return None
    asked = parse_qs(urlsplit(url).query)
    right = asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [envelope.get("TopicArn")]
    return url if right else None


def is_certificate_url(url: str) -> bool:
    """https, a host of Amazon SNS, and a path such as only its certificates have."""
    return _is_amazons(url) and bool(_CERTIFICATE.fullmatch(urlsplit(url).path)) and not set("?#").intersection(url)


def _is_amazons(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = parts.netloc.lower().removesuffix(f":{_HTTPS}")  # the whole authority: no user names before an @
    return url.startswith("https://") and port in (None, _HTTPS) and bool(_HOST.fullmatch(host)) and url.isascii() and url.isprintable()


def _by_certificate(envelope: Mapping[str, str], pem: bytes, signed_at: datetime) -> Verdict:
    certificate = _certificate(pem)
    digest = _HASHES.get(envelope.get("SignatureVersion", ""))
    if certificate is None or digest is None:
        return Forged("the certificate cannot be read" if digest else "a version of signature that SNS does not have")
    if not certificate.not_valid_before_utc <= signed_at <= certificate.not_valid_after_utc:
        return Forged("the certificate was not valid at the time")
    key, signature = certificate.public_key(), from_base64(envelope.get("Signature", ""))
    try:
        if signature and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, _signed_text(envelope), padding.PKCS1v15(), digest())
            return Verified()
    except InvalidSignature:
        pass
    return Forged("the signature is wrong")


def _signed_text(envelope: Mapping[str, str]) -> bytes:
    names = _SIGNED[envelope["Type"]]
    return "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=16)
def _certificate(pem: bytes) -> Certificate | None:
    try:
        return load_pem_x509_certificate(pem)
    except ValueError:
        return None
