"""Recipient tokens: how a page says whose it is, without anybody being able to ask for somebody else's content.

A site's server makes one for the visitor it knows, and any language can: text in ASCII,

    <key id>.<expiry, seconds since 1970>.<recipient id, base64url>.<seal, base64url>

where the seal is HMAC-SHA256 over everything before the last dot, and base64url has no `=`. Its key is derived from a signing key of the
installation, for tokens alone: the site is given the derived one (`letterpress token --key`) and can sign no links with it. Every key
that Letterpress is configured with is accepted, so keys are changed as those of links are.

The id can be read from a token. So no token is made for an id that is an address, and none is accepted.
"""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.errors import InputError
from domain.ids import RecipientId

LONGEST = 1_024
_REMEMBERED = 50_000  # tokens
_LONGEST_ID = 256
_BLOCK = 64  # bytes of SHA-256; keys here are shorter
_TO_STANDARD = str.maketrans("-_", "+/")
_PURPOSE = b"letterpress recipient tokens"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a site's server makes tokens with: the key's id, and the key in hexadecimal."""

    key_id: str
    key: str


class _Seal:
    """HMAC-SHA256 (RFC 2104) under one key, which is taken in once: less than half of what `hmac.digest` takes."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(_BLOCK, b"\x00")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def __call__(self, body: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()


class RecipientTokens:
    """Makes tokens with the first key, reads those of all. `keys`: id → signing key, the current one first."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {key_id: hmac.digest(key, _PURPOSE, "sha256") for key_id, key in keys.items()}
        self._seals = {key_id: _Seal(key) for key_id, key in self._keys.items()}
        self._current = next(iter(keys))
        self._known: dict[str, tuple[RecipientId, int]] = {}

    @property
    def site_key(self) -> TokenKey:
        """The key for a site's server."""
        return TokenKey(self._current, self._keys[self._current].hex())

    def sign(self, recipient_id: RecipientId, until: datetime) -> str:
        """A token that is good until then. Raises InputError for an id that tokens cannot carry."""
        if fault := _fault(recipient_id):
            raise InputError(fault, hint="tokens can be read by whoever holds them: use an id of your shop's")
        body = f"{self._current}.{int(until.timestamp())}.{_spelled(recipient_id.encode())}"
        return f"{body}.{_spelled(self._seals[self._current](body.encode()))}"

    def read(self, token: str) -> tuple[RecipientId, int]:
        """The recipient, and the second since 1970 from which on the token is good no more. Raises ValueError for what is none of ours.

        Visitors come again: a token that was read is remembered.
        """
        if (known := self._known.get(token)) is not None:
            return known
        body, _, seal = token.rpartition(".")
        key_id, expiry, name = body.split(".")
        if len(token) > LONGEST or not token.isascii() or key_id not in self._seals or not expiry.isdigit():
            raise ValueError("not a token")
        if not hmac.compare_digest(_read(seal), self._seals[key_id](body.encode())):
            raise ValueError("not a token")
        recipient = RecipientId(_read(name).decode())
        if _fault(recipient):
            raise ValueError("not a token")
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[token] = recipient, int(expiry)
        return recipient, int(expiry)


def _fault(recipient_id: str) -> str | None:
    if "@" in recipient_id:
        return "a token carries no address"
    if not recipient_id or len(recipient_id) > _LONGEST_ID or not recipient_id.isprintable():
        return f"a recipient id has 1 to {_LONGEST_ID} characters that can be printed"
    return None


def _spelled(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    return binascii.a2b_base64(text.translate(_TO_STANDARD) + "==", strict_mode=False)  # what it raises is a ValueError
