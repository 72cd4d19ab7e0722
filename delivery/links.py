"""Signed links: what a recipient clicks names its message, its link and its position, and cannot be made up.

A token is URL-safe base64 of `kind(1) key(1) message(16) …  seal(12)`. The seal is 96 bits of keyed BLAKE2s (RFC 7693) over all before
it, under a key derived for this kind of token alone, so that a click's token never reads as an unsubscribe's. Reading accepts every
key it is given, which is how keys are changed: new letters are signed with a new key while the links of old ones go on working.

Bytes come in threes, as base64 has them: of a click's token 24 letters are the message's, 8 the link's (id(4) position(2)), and only the 16
of the seal differ from link to link of one letter and from letter to letter of one body. ESPs that put values into a body get no more.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import InputError
from domain.ids import MessageId

_SEAL, _HEAD, _LINK = 12, 18, 6  # bytes
_CLICK, _UNSUBSCRIBE = b"\x01", b"\x02"
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")
CLICK_LETTERS, LEAVE_LETTERS = 48, 40  # of a click's token without an address of its own, of an unsubscribe's
SHARED_LETTERS, LINK_LETTERS = 24, 8  # with which all click tokens of a message begin; that are the link's
LONGEST_TOKEN = 4_096


@dataclass(frozen=True, slots=True)
class Click:
    """What a click's token says. `url` is there when the address is the recipient's own; else the content has it, by `link_id`.

    `position` is 1, 2, … within the placement, 0 for a link of the frame.
    """

    message_id: MessageId
    link_id: str
    position: int
    url: str | None


class _Seal:
    """Keyed BLAKE2s of 96 bits: as hard to make up as HMAC-SHA256 cut to as many, in half the time. The key is taken in once."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2s(key=key, digest_size=_SEAL)

    def __call__(self, body: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(body)
        return keyed.digest()

    def sealed(self, head: bytes, tails: Sequence[bytes]) -> list[bytes]:
        """Head, tail and seal of each, in pieces. Written out, because calls are a third of what it costs."""
        pieces = list[bytes]()
        for tail in tails:
            body = head + tail
            keyed = self._keyed.copy()
            keyed.update(body)
            pieces += body, keyed.digest()
        return pieces


@dataclass(frozen=True, slots=True)
class _Key:
    tag: bytes
    seals: Mapping[bytes, _Seal]  # by kind

    @classmethod
    def of(cls, key_id: str, secret: bytes) -> "_Key":
        seals = {kind: _Seal(hmac.digest(secret, b"letterpress link " + kind, "sha256")) for kind in (_CLICK, _UNSUBSCRIBE)}
        return cls(hashlib.blake2s(key_id.encode(), digest_size=1).digest(), seals)


class Signer:
    """Signs with one key and reads with all. `keys` are by key id; `current` is the id that signs (the first key if left out)."""

    def __init__(self, keys: Mapping[str, bytes], current: str | None = None) -> None:
        if not keys or (current is not None and current not in keys):
            hint = "put the key it was signed with back into secret_key, after the new one"
            raise InputError(f"the key {current!r} that signs links is not among the known ones", hint=hint)
        self._keys = {key_id: _Key.of(key_id, secret) for key_id, secret in keys.items()}
        self._secrets = dict(keys)
        self.key_id = current or next(iter(keys))
        self._key = self._keys[self.key_id]

    def with_key(self, key_id: str) -> "Signer":
        """The same keys, signing with this one: how a letter is printed again as it was."""
        return self if key_id == self.key_id else Signer(self._secrets, key_id)

    def clicks_of(self, message_id: MessageId) -> "ClickSigner":
        """Signs the links of one message."""
        return ClickSigner(_CLICK + self._key.tag + bytes.fromhex(message_id), self._key.seals[_CLICK])

    def tokens_of(self, message_id: MessageId, links: Sequence[bytes]) -> bytes:
        """The tokens of a letter in one go, without anything between them: one per link, then that for unsubscribing.

        A link is as `link_of` spells it.
        """
        message, leaving = bytes.fromhex(message_id), self._key.seals[_UNSUBSCRIBE]
        pieces = self._key.seals[_CLICK].sealed(_CLICK + self._key.tag + message, links)
        leave = _UNSUBSCRIBE + self._key.tag + message
        return _spelled(b"".join((*pieces, leave, leaving(leave))))

    def sign_click(self, message_id: MessageId, link_id: str, position: int, url: str | None = None) -> str:
        """The token of a link. `link_id` is 8 hex digits; `url` goes in when the address is the recipient's own."""
        return self.clicks_of(message_id).sign(link_of(link_id, position), url).decode()

    def read_click(self, token: str) -> Click:
        """What a click's token says. Raises InputError for anything that was not signed here."""
        body = self._opened(token, _CLICK)
        if len(body) < _HEAD + _LINK:
            raise _forged()
        link, url = body[_HEAD : _HEAD + _LINK], body[_HEAD + _LINK :].decode("utf-8", "replace") or None
        return Click(MessageId(body[2:_HEAD].hex()), link[:4].hex(), int.from_bytes(link[4:], "big"), url)

    def sign_unsubscribe(self, message_id: MessageId) -> str:
        """The token of a message's unsubscribe link."""
        return _sealed(_UNSUBSCRIBE + self._key.tag + bytes.fromhex(message_id), self._key.seals[_UNSUBSCRIBE]).decode()

    def read_unsubscribe(self, token: str) -> MessageId:
        """The message of an unsubscribe token. Raises InputError for anything that was not signed here."""
        body = self._opened(token, _UNSUBSCRIBE)
        if len(body) != _HEAD:
            raise _forged()
        return MessageId(body[2:_HEAD].hex())

    def veiled(self, text: str, period: str) -> str:
        """A stand-in for a text: the same for the same text and period, and nothing like it in another period (HMAC-SHA256, 96 bits)."""
        key = hmac.digest(self._secrets[self.key_id], b"letterpress veil " + period.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256")[:_SEAL].hex()

    def _opened(self, token: str, kind: bytes) -> bytes:
        data = _decoded(token)
        body, seal = data[:-_SEAL], data[-_SEAL:]
        for key in self._keys.values():
            if body[:1] == kind and body[1:2] == key.tag and hmac.compare_digest(seal, key.seals[kind](body)):
                return body
        raise _forged()


class ClickSigner:
    """Signs the links of one message: the part of the token they share is made once."""

    __slots__ = ("_head", "_seal")

    def __init__(self, head: bytes, seal: _Seal) -> None:
        self._head, self._seal = head, seal

    def sign(self, link: bytes, url: str | None = None) -> bytes:
        """The token of a link (`link_of`): 48 ASCII characters, more with an address of its own."""
        own = url.encode("utf-8", "replace") if url else b""
        return _sealed(self._head + link + own, self._seal)


def link_of(link_id: str, position: int) -> bytes:
    """A link as tokens have it: the 4 bytes of its id (8 hex digits), the 2 of its position."""
    return bytes.fromhex(link_id) + position.to_bytes(2, "big")


def spelled_link(link: bytes) -> str:
    """The letters of a token that are the link's."""
    return _spelled(link).decode()


def _sealed(body: bytes, seal: _Seal) -> bytes:
    return _spelled(body + seal(body))


def _spelled(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL_SAFE).rstrip(b"=")


def _decoded(token: str) -> bytes:
    """The bytes of a token; only its one canonical spelling is read."""
    if not token.isascii() or len(token) > LONGEST_TOKEN:
        raise _forged()
    try:
        data = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _forged() from None
    if len(data) < _HEAD + _SEAL or _spelled(data) != token.encode("ascii"):
        raise _forged()
    return data


def _forged() -> InputError:
    return InputError("this link was not made here, or was damaged on its way")
