"""A world of events: letters in the ledger, what happened to them, and the posts in which their ESPs tell it. Seeded."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from delivery.esp.provider import OUR_ID
from domain.ids import CampaignId, MessageId, RecipientId, event_id_of, message_id_of, send_id_of

SENT_AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = send_id_of(CampaignId("weekly"), SENT_AT)
KINDS = ("delivered", "open", "click", "deferred", "bounce")
_SHARES = (0.62, 0.25, 0.08, 0.03, 0.02)
_SINGLE = ("mailgun", "resend", "postmark")
_MAILGUN = {"delivered": "delivered", "open": "opened", "click": "clicked", "deferred": "failed", "bounce": "failed"}
_RESEND = {"delivered": "delivered", "open": "opened", "click": "clicked", "deferred": "delivery_delayed", "bounce": "bounced"}
_PASSWORD = "letterpress:of-the-benchmark"  # noqa: S105 - of nobody
_MAILGUN_KEY = "key-of-the-benchmark"
_SVIX = b"of the benchmark, 24 byte"


@dataclass(frozen=True, slots=True)
class Post:
    """What is posted: events by number, all of one provider. `trick`: what is wrong with it."""

    provider: str
    events: tuple[int, ...]
    trick: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """`letters` in the ledger and `events` about them; the event's number decides everything about it."""

    events: int
    letters: int
    single: float
    """Share of the events that providers tell one by one; SendGrid tells the rest in batches."""
    seed: int = 1

    def recipient(self, letter: int) -> RecipientId:
        """Of a letter."""
        return RecipientId(f"r{letter:07d}")

    def message(self, letter: int) -> MessageId:
        """Of a letter."""
        return message_id_of(SEND, self.recipient(letter))

    def posts(self, *, twice: float, tricks: float, batch: int) -> list[Post]:
        """Every event once and some twice, shuffled, in batches of 1 to 2 · `batch` and one by one; beside them forgeries and garbage."""
        rng = np.random.default_rng(self.seed)
        numbers = np.arange(self.events)
        told = np.concatenate([numbers, rng.choice(numbers, int(self.events * twice), replace=False)])
        rng.shuffle(told)
        alone = told % 1_000 < self.single * 1_000
        posts = [Post(_SINGLE[number % len(_SINGLE)], (int(number),)) for number in told[alone]]
        posts += _cut(told[~alone], batch, rng)
        posts += [Post(post.provider, post.events, trick) for trick in ("forged", "malformed") for post in _some(posts, tricks, rng)]
        rng.shuffle(posts)
        return posts

    def provider(self, number: int) -> str:
        """Who tells of an event."""
        return _SINGLE[number % len(_SINGLE)] if number % 1_000 < self.single * 1_000 else "sendgrid"

    def kind(self, number: int) -> str:
        """What happened, in SendGrid's words."""
        return KINDS[int(np.searchsorted(np.cumsum(_SHARES), (number * 7_919 % 10_007) / 10_007))]

    def event_id(self, number: int) -> str:
        """Under which it must be stored."""
        provider, kind, name = self.provider(number), self.kind(number), f"e{number:08d}"
        keys = {
            "sendgrid": f"{name}|{kind}",
            "mailgun": f"{name}|{float(_when(number))}|{_MAILGUN[kind]}",
            "resend": f"msg_{name}|email.{_RESEND[kind]}",
            "postmark": f"bounce|{number + 1}|{name}",
        }
        return event_id_of(provider, keys[provider])


def _cut(told: np.ndarray, batch: int, rng: np.random.Generator) -> Iterator[Post]:
    at = 0
    while at < len(told):
        size = int(rng.integers(1, 2 * batch))
        yield Post("sendgrid", tuple(map(int, told[at : at + size])))
        at += size


def _some(posts: Sequence[Post], share: float, rng: np.random.Generator) -> list[Post]:
    return [post for post, drawn in zip(posts, rng.random(len(posts)), strict=True) if drawn < share]


def _when(number: int) -> int:
    return int(SENT_AT.timestamp()) + number % 50_000


class Signer:
    """Signs posts as their providers do. `genuine`: with the keys that the server knows."""

    def __init__(self, *, genuine: bool = True) -> None:
        self._ec = ec.derive_private_key(20_261_123 if genuine else 4_711, ec.SECP256R1())
        wrong = b"" if genuine else b", forged"
        self._mailgun, self._svix = _MAILGUN_KEY.encode() + wrong, _SVIX + wrong
        self._password = _PASSWORD.encode() + wrong

    @property
    def setting(self) -> str:
        """What the server is told: LETTERPRESS_WEBHOOKS."""
        public = self._ec.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        secrets = {
            "sendgrid": b64encode(public).decode(),
            "mailgun": self._mailgun.decode(),
            "resend": "whsec_" + b64encode(self._svix).decode(),
            "postmark": self._password.decode(),
        }
        return " ".join(f"{provider}={provider}:{secret}" for provider, secret in secrets.items())

    def signed(self, provider: str, body: bytes, name: str, at: int) -> tuple[bytes, Mapping[str, str]]:
        """Body and headers. Mailgun's signature stands in the body, over anything but it."""
        if provider == "sendgrid":
            signature = b64encode(self._ec.sign(str(at).encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
            return body, {"x-twilio-email-event-webhook-signature": signature, "x-twilio-email-event-webhook-timestamp": str(at)}
        if provider == "mailgun":
            token = hashlib.sha256(body).hexdigest()[:50]
            signature = hmac.digest(self._mailgun, f"{at}{token}".encode(), "sha256").hex()
            vouching = orjson.dumps({"timestamp": str(at), "token": token, "signature": signature})
            return b'{"signature":' + vouching + b',"event-data":' + body + b"}", {}
        if provider == "resend":
            signature = b64encode(hmac.digest(self._svix, f"msg_{name}.{at}.".encode() + body, "sha256")).decode()
            return body, {"svix-id": f"msg_{name}", "svix-timestamp": str(at), "svix-signature": f"v1,{signature}"}
        return body, {"authorization": "Basic " + b64encode(self._password).decode()}


def body_of(world: World, post: Post) -> bytes:
    """What a post tells, before it is signed. A forgery tells of events that never were."""
    numbers = [number + world.events for number in post.events] if post.trick == "forged" else post.events
    told = [_told(world, post.provider, number) for number in numbers]
    return orjson.dumps(told if post.provider == "sendgrid" else told[0])


def _told(world: World, provider: str, number: int) -> dict[str, object]:
    kind, name, at = world.kind(number), f"e{number:08d}", _when(number)
    letter = number % world.letters
    ours, address = {OUR_ID: world.message(letter)}, f"{world.recipient(letter)}@example.org"
    if provider == "sendgrid":
        head: dict[str, object] = {"email": address, "timestamp": at, "event": kind, "sg_event_id": name, **ours}
        head |= {"sg_message_id": f"{name}.recvd-simulated-{letter}", "smtp-id": f"<{name}@geopod>", "category": ["weekly"]}
        return head | _more(kind)
    if provider == "mailgun":
        status = {"code": 452 if kind == "deferred" else 550, "message": "4.2.2 full" if kind == "deferred" else "5.1.1 no such user"}
        told: dict[str, object] = {
            "id": name,
            "timestamp": float(at),
            "event": _MAILGUN[kind],
            "recipient": address,
            "user-variables": ours,
        }
        severity = {"severity": "temporary" if kind == "deferred" else "permanent", "reason": "generic", "delivery-status": status}
        return told | (severity if kind in ("deferred", "bounce") else {})
    if provider == "resend":
        when = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
        return {"type": f"email.{_RESEND[kind]}", "created_at": when, "data": {"email_id": name, "to": [address], "tags": ours}}
    return {"RecordType": "Bounce", "Type": "Transient", "ID": number + 1, "MessageID": name, "Email": address, "Metadata": ours}


def _more(kind: str) -> dict[str, object]:
    if kind in ("open", "click"):
        return {"useragent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "ip": "203.0.113.9"}
    if kind == "bounce":
        return {"reason": "550 5.1.1 The email account that you tried to reach does not exist", "status": "5.1.1", "type": "bounce"}
    return {"response": "250 OK" if kind == "delivered" else "452 4.2.2 mailbox full"}
