"""Values of payloads that others wrote, as what we can keep. Nothing given makes these raise."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

import orjson

from delivery.esp.provider import OUR_ID
from domain.ids import MessageId, digest

_OURS = re.compile(r"[0-9a-f]{32}")
_IN_HEADER = re.compile(r"<?([0-9a-f]{32})@")
_PLAIN_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+")
_MILLISECONDS = 100_000_000_000  # numbers above are milliseconds since 1970, below seconds
_MICROSECONDS = 100_000_000_000_000  # numbers above are microseconds
_EARLIEST, _LATEST = 0.0, 4_102_444_800.0  # 1970 to 2100
_LONGEST_NUMBER = 10**40
_LONGEST_ADDRESS = 320


class Unreadable:
    """What a body that is no JSON document is read as."""


UNREADABLE = Unreadable()


def document_of(body: bytes | str) -> Any:
    """The JSON document; UNREADABLE if there is none.

    NaN, lone surrogates, a byte order mark, UTF-16 and 32 (RFC 4627 §3) and bytes that are none of these are let pass.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    try:
        return json.loads(_decoded(body) if isinstance(body, bytes) else body.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return UNREADABLE


def _decoded(body: bytes) -> str:
    return body.decode(json.detect_encoding(body), "replace").removeprefix("\ufeff")


def raw_of(item: object) -> str:
    """An event as a JSON text that every database takes. Raises RecursionError if it is nested some thousand times."""
    try:
        return orjson.dumps(item).decode()
    except TypeError:  # numbers beyond 64 bits, lone surrogates
        return json.dumps(item)


def raw_text(body: bytes) -> str:
    """A body that is no JSON, as a text that every database takes."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")


def items_of(document: Any) -> list[Any]:
    """The events of a document: those of a list, else the document itself."""
    return document if isinstance(document, list) else [document]


def at(item: Any, *path: str) -> Any:
    """What stands at a path of names; None if anything on the way is missing or no object."""
    for name in path:
        if not isinstance(item, dict):
            return None
        item = item.get(name)
    return item


def listed(item: Any, *path: str) -> list[Any]:
    """A list at a path; one value there as a list of it; nothing as an empty one."""
    found = at(item, *path)
    return found if isinstance(found, list) else [] if found is None else [found]


def word(item: Any, *path: str, longest: int = 512) -> str | None:
    """A text or number at a path, as one line; None if nothing is left of it."""
    found = at(item, *path)
    if isinstance(found, bool) or not isinstance(found, (str, int, float)):
        return None
    if isinstance(found, int) and abs(found) > _LONGEST_NUMBER:
        return None
    told = str(found)[: longest * 2]
    plain = told if told.isprintable() else "".join(sign if sign.isprintable() else " " for sign in told)
    return plain.strip()[:longest] or None


def words(item: Any, *path: str) -> str:
    """`word`, in small letters, and empty rather than None: for looking up in a table."""
    return (word(item, *path) or "").casefold()


def instant(value: Any) -> datetime | None:
    """An ISO 8601 text, or seconds, milli- or microseconds since 1970 as number or text; None for anything else. Naive ones are UTC."""
    if isinstance(value, str):
        return _from_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if abs(value) > _LONGEST_NUMBER or not math.isfinite(value):
        return None
    return _believable(value / 1_000_000 if value > _MICROSECONDS else value / 1_000 if value > _MILLISECONDS else value)


def _believable(seconds: float) -> datetime | None:
    """What lies before there was mail of this kind, or generations ahead, is a fault of whoever told it."""
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST < seconds < _LATEST else None


def _from_text(value: str) -> datetime | None:
    try:
        return instant(float(value))
    except ValueError:
        pass
    try:
        read = datetime.fromisoformat(value)
        return _believable((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None


def first_instant(*values: Any) -> datetime | None:
    """The first that is an instant."""
    return next((found for value in values if (found := instant(value))), None)


def our_id(*candidates: Any) -> MessageId | None:
    """Our message id: 32 hex digits; of metadata, what stands under OUR_ID; of a list, in its first; of a text, a Message-ID of ours."""
    for candidate in candidates:
        found = at(candidate, OUR_ID) if isinstance(candidate, Mapping) else candidate
        found = found[0] if isinstance(found, list) and found else found
        if isinstance(found, str):
            if _OURS.fullmatch(found):
                return MessageId(found)
            if match := _IN_HEADER.match(found):
                return MessageId(match.group(1))
    return None


def address_of(value: Any) -> str | None:
    """A mailbox, without the name beside it; of a list the first."""
    if isinstance(value, list):
        return address_of(value[0]) if value else None
    if not isinstance(value, str) or len(value) > 2 * _LONGEST_ADDRESS or not value.isprintable():
        return None
    found = value if _PLAIN_ADDRESS.fullmatch(value) else parseaddr(value)[1] or value.strip()
    return found if "@" in found and len(found) <= _LONGEST_ADDRESS else None


def key_of(*parts: object) -> str:
    """A key of all that tells two events apart, for ESPs that give their events none."""
    return digest(*("" if part is None else _plain(part) for part in parts))


def _plain(part: object) -> str:
    """As a text that can be encoded."""
    told = raw_of(part) if isinstance(part, (dict, list, int)) else str(part)  # Python refuses to print numbers of thousands of digits
    return told.encode("utf-8", "replace").decode()
