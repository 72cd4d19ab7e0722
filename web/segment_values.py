"""Values of JSON that somebody else wrote, as what we can keep. Pure; nothing given makes these raise."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

_NOTHING: Mapping[str, Any] = {}
_MOST = 1e12  # an amount or number above is a mistake


def mapping(value: object) -> Mapping[str, Any]:
    """A JSON object, else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def sequence(value: object) -> Sequence[Any]:
    """A JSON array, else an empty one."""
    return value if isinstance(value, list) else ()


def text(value: object, longest: int = 256) -> str | None:
    """A text or number as one line that every database takes; None if nothing is left of it."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    told = value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, float) else _whole(value)
    plain = "".join(sign for sign in told[: longest * 4] if sign.isprintable())
    return plain.strip()[:longest] or None


def identifier(value: object, longest: int = 256) -> str | None:
    """An id: a text or whole number as it is. One that is too long or holds control characters names nobody."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    told = (value if isinstance(value, str) else _whole(value)).strip()
    return told if 0 < len(told) <= longest and told.isprintable() else None


def number(value: object) -> float | None:
    """A finite number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) and abs(read) <= _MOST else None


def _whole(value: int) -> str:
    return str(value) if abs(value) <= _MOST**2 else ""  # Python refuses to print numbers of thousands of digits
