"""What is asked of `/v1/placements`: read from path and query by hand, because a visitor waits for it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from domain.ids import RecipientId, context_id_of

PATH = "/v1/placements"
MOST_NAMES, MOST_CONTEXTS = 20, 5
_BEFORE_NAME = len(PATH) + 1
LONGEST_NAME, LONGEST_RECIPIENT, LONGEST_CONTEXT = 256, 1_024, 128
_YES, _NO = frozenset({"1", "true"}), frozenset({"", "0", "false"})


class BadQuestionError(ValueError):
    """Something that cannot be answered, as it is told to whoever asked: without repeating it."""


@dataclass(slots=True)
class Asked:
    """A request. `names`: the placements; `several`: whether they were asked for in one call. `contexts`: their pseudo-recipients."""

    names: Sequence[str]
    several: bool
    recipient: str = ""
    contexts: Sequence[RecipientId] = ()
    inline: bool = False


def read_question(path: str, query: bytes) -> Asked:
    """Read a request. Raises BadQuestionError. What is asked for under other names is not looked at."""
    name = path[_BEFORE_NAME:]
    asked = Asked((name,), not name)
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if key == b"recipient":
            asked.recipient = _text(value)
            if len(value) > LONGEST_RECIPIENT:
                raise BadQuestionError(f"query.recipient: {LONGEST_RECIPIENT} characters at most")
        elif key == b"names" and not name:
            asked.names = (*filter(None, asked.names), *_text(value).split(","))
        elif key == b"context":
            asked.contexts = (*asked.contexts, _context(_text(value)))
        elif key == b"inline":
            asked.inline = _yes(_text(value))
    if asked.several or asked.contexts or len(name) > LONGEST_NAME:
        _check(asked)
    return asked


def _text(value: bytes) -> str:
    try:
        return unquote_plus(value.decode(), errors="strict") if b"%" in value or b"+" in value else value.decode()
    except UnicodeDecodeError:
        raise BadQuestionError("query: not UTF-8") from None


def _context(value: str) -> RecipientId:
    attribute, colon, wanted = value.partition(":")
    if not (attribute and colon and wanted) or len(value) > LONGEST_CONTEXT:
        raise BadQuestionError(f"query.context: attribute:value, such as country:DE, of {LONGEST_CONTEXT} characters at most")
    return RecipientId(context_id_of(attribute, wanted))


def _yes(value: str) -> bool:
    if value not in _YES and value not in _NO:
        raise BadQuestionError("query.inline: 1 or 0")
    return value in _YES


def _check(asked: Asked) -> None:
    if asked.several and not 0 < len(asked.names) <= MOST_NAMES:
        raise BadQuestionError(f"query.names: 1 to {MOST_NAMES} placements, separated by commas")
    if not all(asked.names) or max(map(len, asked.names)) > LONGEST_NAME:
        raise BadQuestionError("query.names: a placement is missing or too long" if asked.several else "path.placement: too long")
    if len(asked.contexts) > MOST_CONTEXTS:
        raise BadQuestionError(f"query.context: {MOST_CONTEXTS} at most")
