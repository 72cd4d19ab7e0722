"""Who a post is from is told by what only they could have written."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.webhooks import mailgun, sendgrid, sns
from delivery.webhooks.posts import Forged, RawPost, Secrets, Verified, Wanted
from delivery.webhooks.providers import PROVIDERS
from delivery.webhooks.sendgrid import SIGNATURE, STAMP
from delivery.webhooks.values import at, document_of
from simulator.esp.webhooks.keys import Keys
from tests.delivery.webhooks.vectors import CERTIFICATE_URL, NOW, SUBSCRIBE_URL, TOPIC, Sns, Vector, mandrill, own, published, topic
from tests.published import PUBLISHED, needs_published_data

THEIRS = list(published()) if PUBLISHED.is_dir() else []
ALL = [*THEIRS, *own()]
every = pytest.mark.parametrize("vector", ALL, ids=lambda vector: f"{vector.provider} {vector.name}")
PASSWORDS = ("postmark", "sparkpost", "mailjet", "brevo")


@needs_published_data
def test_vectors_of_others_are_there() -> None:
    """Every file that holds a vector, or that Mailgun's key signed, is tried: none that is put there is left out."""
    folder = PUBLISHED / "payloads"
    vectors = {(path.parent.name, path.stem) for path in folder.glob("*/vector_*.json")} - {("mailgun", "vector_symfony_key")}
    signed = {("mailgun", path.stem) for path in (folder / "mailgun").glob("symfony_*.json")}
    assert {(one.provider, one.name) for one in THEIRS} == vectors | signed
    assert len(THEIRS) >= 14


@settings(deadline=None)
@given(st.sampled_from(ALL), st.data())
def test_any_byte_changed_to_any_other(vector: Vector, data: st.DataObject) -> None:
    """One byte of what vouches or of what is vouched for, exchanged for any other: nothing verifies, unless nothing signed has changed."""
    name = data.draw(st.sampled_from(["body", *sorted(set(vector.post.headers) - {"content-type"})]))
    value = vector.post.body if name == "body" else vector.post.headers[name].encode()
    place = data.draw(st.integers(0, len(value) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda other: other != value[place]))
    changed = value[:place] + bytes([byte]) + value[place + 1 :]
    if name == "body":
        same = isinstance(vector.verdict(body=changed), Verified)
        assert not same or _signed(vector, changed) == _signed(vector, vector.post.body)
    else:
        headers = {**vector.post.headers, name: changed.decode("latin-1")}
        assert isinstance(vector.verdict(headers=headers), Forged)


@every
def test_verifies(vector: Vector) -> None:
    """Every vector verifies, also when another secret is valid besides."""
    assert isinstance(vector.verdict(), Verified)
    other = topic().secrets if vector.provider == "ses" else Secrets(["another secret"])
    two = replace(vector.secrets, texts=[*other.texts, *vector.secrets.texts])
    assert isinstance(vector.verdict(secrets=two), Verified)


@every
def test_one_byte_of_the_body_changed(vector: Vector) -> None:
    """With any byte of the body changed nothing verifies, unless nothing that is signed has changed."""
    body = vector.post.body
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        if isinstance(vector.verdict(body=changed), Verified):
            assert _signed(vector, changed) == _signed(vector, body), place


def _signed(vector: Vector, body: bytes) -> object:
    """Mailgun signs a time stamp and a token; SNS and Mandrill sign values; the others sign bytes."""
    if vector.provider == "mailgun":
        return at(document_of(body), "signature")
    if vector.provider == "ses":
        return {name: value for name, value in document_of(body).items() if name not in ("UnsubscribeURL",)}
    return replace(vector.post, body=body).form() if vector.provider == "mailchimp" else body


def test_spare_bits_of_base64() -> None:
    """The last character of a signature has bits that decoders drop; changing them makes another text, which is no signature."""
    for vector in (one for one in ALL if one.provider == "sendgrid"):
        told = vector.post.headers[SIGNATURE]
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
            padding = len(told) - len(told.rstrip("="))
            other = told[: -padding - 1] + last + "=" * padding if padding else told[:-1] + last
            verdict = vector.verdict(headers={**vector.post.headers, SIGNATURE: other})
            assert isinstance(verdict, Verified) == (other == told)


@every
def test_one_byte_of_the_signature_changed(vector: Vector) -> None:
    """With any byte of signature, id, time stamp or token changed, nothing verifies."""
    for name, value in vector.post.headers.items():
        if name == "content-type":
            continue
        for place in range(len(value)):
            wrong = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            assert isinstance(vector.verdict(headers={**vector.post.headers, name: wrong}), Forged), (name, place)


@needs_published_data
@pytest.mark.parametrize("vector", [one for one in THEIRS if one.provider == "mailgun"], ids=lambda vector: vector.name)
@pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
def test_one_byte_of_mailguns_signature_changed(vector: Vector, name: str) -> None:
    """Mailgun's signature stands in the body; with any byte of it changed, nothing verifies."""
    told = json.loads(vector.post.body)
    value = told["signature"][name]
    for place in range(len(value)):
        wrong = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
        body = json.dumps(told | {"signature": {**told["signature"], name: wrong}}).encode()
        assert isinstance(vector.verdict(body=body), Forged), place


@needs_published_data
def test_a_token_of_mailguns_is_for_one_event() -> None:
    """Another event under a signature that was seen verifies by Mailgun's rules; its token says that it is about something else."""
    first, second = (next(one for one in THEIRS if one.name == name) for name in ("symfony_opens", "symfony_clicks"))
    told = json.loads(first.post.body) | {"event-data": json.loads(second.post.body)["event-data"]}
    moved = first.verdict(body=json.dumps(told).encode())
    true = first.verdict()
    assert isinstance(moved, Verified) and isinstance(true, Verified)
    assert (moved.token == true.token, moved.about == true.about) == (True, False)


@every
def test_without_what_vouches(vector: Vector) -> None:
    """Without headers, without a body, with none of the account's secrets: a forgery."""
    if vector.provider not in ("ses", "mailgun"):
        assert isinstance(vector.verdict(headers={}), Forged)
    assert isinstance(vector.verdict(body=b""), Forged)
    assert isinstance(vector.verdict(secrets=replace(vector.secrets, texts=[])), Forged)
    assert isinstance(vector.verdict(secrets=replace(vector.secrets, texts=["wrong", "é", ""])), Forged)


@pytest.mark.parametrize(
    "vector", [one for one in ALL if one.provider != "mailchimp"], ids=lambda vector: f"{vector.provider} {vector.name}"
)
def test_out_of_time(vector: Vector) -> None:
    """A post from last week is refused, and one from the future; one that is repeated for as long as its provider repeats is not."""
    again = {"sendgrid": timedelta(hours=23), "mailgun": timedelta(hours=8), "resend": timedelta(minutes=3), "ses": timedelta(hours=1)}
    assert isinstance(vector.verdict(at=vector.at + again[vector.provider]), Verified)
    for shift, why in ((timedelta(days=7), "too old"), (-timedelta(days=1), "in the future")):
        verdict = vector.verdict(at=vector.at + shift)
        assert isinstance(verdict, Forged) and why in verdict.reason


@pytest.mark.parametrize("provider", PASSWORDS)
@pytest.mark.parametrize(
    ("secret", "headers"),
    [
        ("user:pass:word", {"authorization": "Basic " + b64encode(b"user:pass:word").decode()}),
        ("user:grüße", {"authorization": "basic " + b64encode("user:grüße".encode()).decode()}),
        ("a-token-without-colon", {"authorization": "Bearer a-token-without-colon"}),
        ("X-Letterpress=of=our=own", {"x-letterpress": "of=our=own"}),
    ],
)
def test_passwords(provider: str, secret: str, headers: dict[str, str]) -> None:
    """Providers that sign nothing are told by a password, a token or a header; two may be valid at once; any other is refused."""
    verify = PROVIDERS[provider].verify
    post = RawPost(headers, b"{}")
    assert isinstance(verify(post, Secrets([secret]), NOW), Verified)
    assert isinstance(verify(post, Secrets(["an:older one", secret, "X-Other=1"]), NOW), Verified)
    for wrong in ("user:pass:wor", "a-token-without-colons", "X-Letterpress=", "X-Letterpress=of=our=owN", ":", "x"):
        assert isinstance(verify(post, Secrets([wrong]), NOW), Forged)
    for head in ({}, {"authorization": ""}, {"authorization": "Basic"}, {"authorization": "Basic ?"}, {"x-letterpress": ""}):
        assert isinstance(verify(RawPost(head, b"{}"), Secrets([secret]), NOW), Forged)


def test_an_absent_header_is_not_an_empty_password() -> None:
    """Nothing given does not equal a secret of nothing."""
    assert isinstance(PROVIDERS["brevo"].verify(RawPost({}, b""), Secrets(["X-Name="]), NOW), Forged)


def test_keys_as_pem() -> None:
    """SendGrid's key may have the lines of PEM around it."""
    keys = Keys(7)
    body, stamp = b"[]", str(int(NOW.timestamp()))
    headers = {STAMP: stamp, SIGNATURE: keys.sign_sendgrid(stamp.encode() + body)}
    plain = keys.published()["sendgrid_public_key"]
    for secret in (plain, f"-----BEGIN PUBLIC KEY-----\n{plain[:64]}\n{plain[64:]}\n-----END PUBLIC KEY-----\n"):
        assert isinstance(sendgrid.verify(RawPost(headers, body), Secrets([secret]), NOW), Verified)


class TestSns:
    """Amazon SNS."""

    def test_the_certificate_is_asked_for(self) -> None:
        """A message whose certificate is not at hand is neither believed nor refused: the certificate is wanted."""
        assert sns.verify(topic().post(), Secrets([TOPIC]), NOW) == Wanted(CERTIFICATE_URL)

    @pytest.mark.parametrize(
        "url",
        [
            "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
            "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
            "https://evil.example#@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://evil.example\\@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://user@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
            "https://sns.evil.amazonaws.com/SimpleNotificationService-1.pem",
            "https://s3.amazonaws.com/bucket/SimpleNotificationService-1.pem",
            "https://snseu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com/latest/evil.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?to=evil",
            "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com/%2e%2e/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem/../../evil",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-..%2f..%2fevil.pem",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem#2",
            "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?",
            "https://sns.eu-west-1.amazonaws.com./SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com\t.evil.example/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com%2eevil.example/SimpleNotificationService-1.pem",
            "https://evil-sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com.cn.evil.example/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.\u0430mazonaws.com/SimpleNotificationService-1.pem",
            " https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "//sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
            "https://sns.eu-west-1.amazonaws.com:abc/SimpleNotificationService-1.pem",
            "https://[::1/SimpleNotificationService-1.pem",
            "file:///etc/passwd",
            "",
        ],
    )
    def test_certificates_from_elsewhere(self, url: str) -> None:
        """A certificate that does not stand on a server of Amazon SNS is not even fetched."""
        verdict = sns.verify(topic().post(SigningCertURL=url), Secrets([TOPIC], {url: topic().certificate}), NOW)
        assert verdict == Forged("the certificate is not on a server of Amazon SNS")

    @pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "us-gov-west-1", "ap-southeast-4", "cn-north-1"])
    def test_regions(self, region: str) -> None:
        """Hosts of all regions are Amazon's, those in China included."""
        host = f"sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
        assert sns.is_certificate_url(f"https://{host}/SimpleNotificationService-abc.pem")

    def test_topics_of_others(self) -> None:
        """A signature of Amazon's over a topic of somebody else's is worth nothing."""
        assert sns.verify(topic().post(TopicArn=TOPIC + "2"), topic().secrets, NOW) == Forged("the topic is not one of the account's")

    def test_versions_that_there_are_not(self) -> None:
        """Signatures are of version 1 or 2."""
        for version in ("3", "0", "", "1 "):
            assert isinstance(sns.verify(topic().post(SignatureVersion=version), topic().secrets, NOW), Forged)

    def test_versions_are_not_interchangeable(self) -> None:
        """What was signed by one version does not verify by the other."""
        assert isinstance(sns.verify(topic().post(version="1", SignatureVersion="2"), topic().secrets, NOW), Forged)

    def test_keys_of_others(self) -> None:
        """Signed by another key than that of the certificate: a forgery."""
        assert sns.verify(Sns().post(), topic().secrets, NOW) == Forged("the signature is wrong")

    def test_certificates_that_are_none(self) -> None:
        """What stands in the certificate's place and is none verifies nothing."""
        for pem in (b"", b"<html>", topic().certificate[:200]):
            assert isinstance(sns.verify(topic().post(), Secrets([TOPIC], {CERTIFICATE_URL: pem}), NOW), Forged)

    def test_certificates_that_have_expired(self) -> None:
        """A certificate vouches for the time in which it is valid."""
        old = NOW - timedelta(days=30)
        assert sns.verify(topic().post(at=old), topic().secrets, old) == Forged("the certificate was not valid at the time")

    def test_confirmations(self) -> None:
        """A subscription is confirmed on Amazon's host and for the topic of the message; nothing else is visited."""
        assert sns.confirmation_url(topic().post("SubscriptionConfirmation").body) == SUBSCRIBE_URL
        assert sns.confirmation_url(topic().post("UnsubscribeConfirmation").body) is None
        assert sns.confirmation_url(topic().post().body) is None
        for wrong in (
            SUBSCRIBE_URL.replace("amazonaws.com", "amazonaws.com.evil.example"),
            SUBSCRIBE_URL.replace("https", "http"),
            SUBSCRIBE_URL.replace("ConfirmSubscription", "DeleteTopic"),
            SUBSCRIBE_URL.replace("123456789012", "210987654321"),
            "http://169.254.169.254/latest/meta-data/",
        ):
            assert sns.confirmation_url(topic().post("SubscriptionConfirmation", SubscribeURL=wrong).body) is None


def test_mailguns_older_form() -> None:
    """Posts in Mailgun's older form verify by the same key."""
    told = json.loads(_mailgun_post().body)["signature"]
    body = f"event=opened&timestamp={told['timestamp']}&token={told['token']}&signature={told['signature']}".encode()
    post = RawPost({"content-type": "application/x-www-form-urlencoded"}, body)
    assert isinstance(mailgun.verify(post, Secrets([Keys(7).mailgun]), NOW), Verified)
    assert isinstance(mailgun.verify(post, Secrets([Keys(8).mailgun]), NOW), Forged)


def _mailgun_post() -> RawPost:
    from hmac import digest

    stamp, token = str(int(NOW.timestamp())), "0" * 50
    signature = digest(Keys(7).mailgun.encode(), f"{stamp}{token}".encode(), "sha256").hex()
    return RawPost({}, json.dumps({"signature": {"timestamp": stamp, "token": token, "signature": signature}}).encode())


def test_mandrill_signs_the_address() -> None:
    """The same form under another address is a forgery."""
    secrets = Secrets(["key-of-mandrill"])
    assert isinstance(PROVIDERS["mailchimp"].verify(mandrill(), secrets, NOW), Verified)
    moved = replace(mandrill(), url="https://letters.example.com/webhooks/other")
    assert isinstance(PROVIDERS["mailchimp"].verify(moved, secrets, NOW), Forged)


_HEADERS = st.dictionaries(
    st.sampled_from(
        [SIGNATURE, STAMP, "svix-id", "svix-timestamp", "svix-signature", "authorization", "x-mandrill-signature", "content-type"]
    ),
    st.one_of(st.text(max_size=40), st.just("application/x-www-form-urlencoded"), st.integers().map(str)),
)


@given(st.sampled_from(list(PROVIDERS.values())), _HEADERS, st.binary(max_size=200), st.text(max_size=30))
def test_nothing_that_is_made_up_verifies_or_raises(provider: object, headers: dict[str, str], body: bytes, secret: str) -> None:
    """Whatever comes from nobody is a forgery, and never an exception."""
    assert isinstance(provider.verify(RawPost(headers, body), Secrets([secret, "user:password"]), NOW), Forged)  # type: ignore[attr-defined]
