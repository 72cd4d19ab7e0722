"""The little language of --faults and --events: `name=value` pairs, joined by commas or blanks."""

import re
from collections.abc import Iterator

from domain.errors import InputError

_PAIR = re.compile(r"(?P<name>[A-Za-z_.#0-9-]+)=(?P<value>[^=,\s]+)$")


def pairs(text: str, *, setting: str) -> Iterator[tuple[str, str]]:
    """The pairs of a text, in order. Raises InputError."""
    for part in re.split(r"[,\s]+", text.strip()) if text.strip() else ():
        found = _PAIR.match(part)
        if not found:
            raise InputError(f"{part!r} is no name=value", where=setting)
        yield found["name"], found["value"]


def number(name: str, text: str, *, setting: str, highest: float = float("inf")) -> float:
    """A number from 0 to `highest`. Raises InputError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= highest:
        raise InputError(f"{name}={text} is not a number from 0 to {highest:g}", where=setting)
    return value
