"""How the HTTP process logs: lines for people, or JSON objects for programs. Neither carries what an exception says.

Our own messages name no people. Other people's exceptions may: a failed statement repeats its row, a parser its input. So of an
exception only its type and its places in the code are written.
"""

import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

import orjson

from domain.errors import InputError

FORMATS = ("text", "json")
_Fault = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _WithoutTexts(logging.Formatter):
    """Lines for people."""

    def formatException(self, ei: _Fault) -> str:  # noqa: N802 - logging's name
        """Type and places."""
        return "\n".join([_kind(ei), *(f"  at {place}" for place in _places(ei))])

    def format(self, record: logging.LogRecord) -> str:
        """As logging does, but with an exception's text made by us: another handler's is not taken over."""
        record.exc_text = None
        return super().format(record)


class _AsJson(_WithoutTexts):
    """One JSON object per line: at, level, logger, message; and exception and places if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said: dict[str, object] = {"at": at, "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[0]:
            said |= {"exception": _kind(record.exc_info), "places": _places(record.exc_info)}
        return orjson.dumps(said, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def set_up_logs(log_format: str) -> None:
    """Let this process log warnings and worse on standard error. Raises InputError for a format that is not known."""
    if log_format not in FORMATS:
        raise InputError(f"log_format is one of {', '.join(FORMATS)}, not {log_format!r}")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_AsJson() if log_format == "json" else _WithoutTexts("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _kind(fault: _Fault) -> str:
    return f"{fault[0].__module__}.{fault[0].__qualname__}".removeprefix("builtins.") if fault[0] else ""


def _places(fault: _Fault) -> list[str]:
    """Where it passed through, the innermost last; of the last twenty."""
    frames = traceback.extract_tb(fault[2])[-20:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
