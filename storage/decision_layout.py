"""How decisions are packed into Redis: keys, fields, values and the words they are abbreviated with. Pure; docs/adr/0018.

Everything a campaign decided for one recipient is one field of a hash that some hundred recipients share, small enough for Redis to keep
as one packed list at a million recipients and at fifty:

    key     decisions:<campaign>:<number>        number: the last 17 bits of the first 9 bytes of SHA-256(recipient id)
    field   8 letters                            base64 of the first 6 bytes of the same
    value   slate [; slate …]                    usually one
    slate   <expiry>.<send>[+n] :<placement>,<variant>,<variant> :<placement>,…

Expiry is in seconds since 1970, base 36. Send, placements and variants stand there as codes of one or two letters; their words are in the
hash `decisions:<campaign>:words` (field `<space>.<code>` → `<last needed, base 36> <word>`), which a reader keeps at hand: a code never
gets another meaning. `+n` (the n-th decision within a session) stands there as it is. The campaigns are in the set `decisions:campaigns`.

Of 17 + 48 bits no two of 50 million recipients share all but in 1 of 30,000 installations. SHA-256, because every edge worker has it.
"""

import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.ids import PlacementId, RecipientId, SendId, VariantId, refresh_of
from domain.serving import StoredDecision

HASHES = 1 << 17
"""Hashes of a campaign: 8 entries each at a million recipients, 381 at 50 million; Redis packs hashes of up to 512 entries of up to 64
bytes (`hash-max-listpack-entries`, `hash-max-listpack-value`)."""

CAMPAIGNS = b"decisions:campaigns"
SENDS, PLACEMENTS = "s", "p"  # spaces of codes; variants have one per placement
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE36 = 36
_LAST = 253_402_300_799  # the last second of the calendar
_COUNTER = "#"


class UnknownWordError(ValueError):
    """A code whose word is not at hand: the words have to be read again."""


Entries = Mapping[PlacementId, StoredDecision]


def place_of(recipient_id: RecipientId) -> tuple[int, bytes]:
    """The number of the recipient's hash, and their field in it, in every campaign. Recipient ids are never kept themselves."""
    digest = hashlib.sha256(recipient_id.encode()).digest()
    return int.from_bytes(digest[6:9], "big") % HASHES, binascii.b2a_base64(digest[:6], newline=False)


def campaign_of(placement: PlacementId) -> str:
    """The campaign that decides for a placement: `web` of `web.home_hero`."""
    return placement.rpartition(".")[0]


def key_of(campaign: str, number: int) -> bytes:
    """The hash of so many recipients."""
    return b"decisions:%b:%d" % (campaign.encode("utf-8", "surrogatepass"), number)


def words_key_of(campaign: str) -> bytes:
    """The hash of the campaign's words."""
    return b"decisions:%b:words" % campaign.encode("utf-8", "surrogatepass")


def variants_of(placement_code: str) -> str:
    """The space of a placement's variants."""
    return f"v{placement_code}"


def counter_of(space: str) -> str:
    """The field that counts the codes of a space."""
    return _COUNTER + space


def code_of(number: int) -> str:
    """The number-th code, from 0: `0` … `Z`, `00`, `10`, … Each number has one and each code one number."""
    code = ""
    while number >= 0:
        number, digit = divmod(number, len(_DIGITS))
        code, number = code + _DIGITS[digit], number - 1
    return code


def base36(number: int) -> str:
    """A number that is not negative, in base 36."""
    digits = ""
    while number:
        number, digit = divmod(number, _BASE36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


@dataclass(slots=True)
class Words:
    """The words of one campaign, as far as they are known here: codes to words, words to codes, and until when each is needed."""

    texts: dict[str, str] = field(default_factory=dict)  # `<space>.<code>` → word
    codes: dict[tuple[str, str], str] = field(default_factory=dict)  # space, word → code
    until: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def read(stored: Mapping[bytes, bytes]) -> "Words":
        """From the hash as Redis gives it. What is no word is passed over."""
        words = Words()
        for name, value in stored.items():
            space, dot, code = name.decode("utf-8", "surrogatepass").partition(".")
            until, _, text = value.decode("utf-8", "surrogatepass").partition(" ")
            if dot and text and until.isalnum() and until.isascii():
                words.learn(space, code, text, int(until, _BASE36))
        return words

    def learn(self, space: str, code: str, text: str, until: int) -> None:
        """Take up a word."""
        name = f"{space}.{code}"
        self.texts[name], self.until[name] = text, until
        self.codes.setdefault((space, text), code)

    def text(self, space: str, code: str) -> str:
        """The word of a code. Raises UnknownWordError."""
        try:
            return self.texts[f"{space}.{code}"]
        except KeyError:
            raise UnknownWordError(code) from None

    def live_placements(self, at: int) -> frozenset[str]:
        """The placements for which something may be published that is not stale yet."""
        alive = (name for name, until in self.until.items() if name.startswith(f"{PLACEMENTS}.") and until > at)
        return frozenset(self.texts[name] for name in alive)

    def stale(self, at: int) -> list[str]:
        """The fields of words that nothing needs any more; a day is added for clocks that differ."""
        return [name for name, until in self.until.items() if until + 86_400 < at]


def written(until: int, text: str) -> bytes:
    """A word as it is stored."""
    return f"{base36(until)} {text}".encode("utf-8", "surrogatepass")


def split_send(send_id: SendId) -> tuple[str, str]:
    """A send's word, and what follows it as it is: `+3` for the third decision within a session."""
    refresh = refresh_of(send_id)
    return refresh, send_id[len(refresh) :]


def packed(entries: Entries, words: Words) -> bytes:
    """The value that holds these entries: one slate for each send and expiry. Every word must have its code."""
    slates: dict[tuple[int, SendId], list[str]] = {}
    for placement, entry in entries.items():
        slates.setdefault((entry.expires_at, entry.send_id), []).append(choice_of(placement, entry.variants, words))
    return ";".join(head_of(expires_at, send, words) + "".join(choices) for (expires_at, send), choices in slates.items()).encode()


def unpacked(value: bytes, words: Words) -> dict[PlacementId, StoredDecision]:
    """The entries of a value, stale ones too. Raises UnknownWordError, and ValueError for what is none of ours."""
    found: dict[PlacementId, StoredDecision] = {}
    for slate in value.decode("ascii").split(";"):
        head, *choices = slate.split(":")
        expiry, dot, send = head.partition(".")
        code, plus, number = send.partition("+")
        if not dot or not choices:
            raise ValueError("not a slate")
        expires_at, send_id = int(expiry, _BASE36), SendId(words.text(SENDS, code) + plus + number)
        if not 0 <= expires_at <= _LAST:
            raise ValueError("not an instant")
        for choice in choices:
            placement, *variants = choice.split(",")
            found[PlacementId(words.text(PLACEMENTS, placement))] = StoredDecision(
                _variants(placement, variants, words), send_id, expires_at
            )
    return found


def _variants(placement: str, codes: Sequence[str], words: Words) -> tuple[VariantId, ...]:
    space = variants_of(placement)
    return tuple(VariantId(words.text(space, code)) for code in codes)


def choice_of(placement: PlacementId, variants: Sequence[VariantId], words: Words) -> str:
    """A placement and its variants as a slate has them."""
    name = words.codes[PLACEMENTS, placement]
    codes = [words.codes[variants_of(name), variant] for variant in variants]
    return ":" + ",".join((name, *codes))


def head_of(expires_at: int, send_id: SendId, words: Words) -> str:
    """How a slate begins."""
    send, number = split_send(send_id)
    return f"{base36(expires_at)}.{words.codes[SENDS, send]}{number}"
