"""Bodies of calls, and of answers, which may be anything: HTML of a gateway, half a document, JSON of another shape. Pure, never raises."""

from collections.abc import Iterable

import orjson

from delivery.esp.provider import Response

_LONGEST_ID = 250


def listed(documents: Iterable[object]) -> orjson.Fragment:
    """A list for a call's body, written one document at a time: a thousand at once are work for the garbage collector."""
    return orjson.Fragment(b"[" + b",".join(map(orjson.dumps, documents)) + b"]")


def document(response: Response) -> object:
    """The body as JSON; None for what is no JSON."""
    try:
        parsed: object = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None
    return parsed


def at(value: object, *path: str | int) -> object:
    """What lies at the path of names and positions; None where it leads nowhere."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def items(value: object, *path: str | int) -> list[object]:
    """The list at the path; empty if there is none."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def words(value: object, *path: str | int) -> str:
    """The text or whole number at the path; empty if there is none."""
    found = at(value, *path)
    return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""


def own_id(value: object, *path: str | int) -> str | None:
    """The ESP's name for a message, if what lies there can be one."""
    found = words(value, *path).strip().removeprefix("<").removesuffix(">")
    return found if 0 < len(found) <= _LONGEST_ID and found.isascii() and found.isprintable() else None
