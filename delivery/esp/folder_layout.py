"""Where a letter lies in a folder: ROOT/ab/abcdef….eml, 256 sub-folders so that millions of letters stay quick to list.

Nothing here imports the ESP: whoever looks into a mailbox needs only to read.
"""

import heapq
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from email.policy import default
from pathlib import Path

from domain.ids import MessageId

SUFFIX = ".eml"
_SHARD = 2  # hex digits


def path_of(root: Path, message_id: MessageId) -> Path:
    """The file of a message."""
    return root / message_id[:_SHARD] / f"{message_id}{SUFFIX}"


def letters(root: Path) -> Iterator[Path]:
    """Every letter of a folder, in no order."""
    return (path for path in root.glob(f"{'?' * _SHARD}/*{SUFFIX}") if not path.name.startswith("."))


def newest(root: Path, limit: int) -> list[Path]:
    """The letters that came last, the latest first."""
    return heapq.nlargest(limit, letters(root), key=_age)


def matching(root: Path, wanted: str) -> list[Path]:
    """The letters whose message id begins so, or that go to this address, the latest first."""
    if "@" in wanted:
        found = (path for path in letters(root) if wanted.casefold() in str(envelope(path)["To"]).casefold())
    else:
        found = (path for path in letters(root) if path.name.startswith(wanted.lower()))
    return sorted(found, key=_age, reverse=True)


def envelope(path: Path) -> Message:
    """A letter's headers; its body is not read."""
    with path.open("rb") as file:
        return BytesHeaderParser(policy=default).parse(file)


def read(path: Path) -> EmailMessage:
    """A letter, parsed as a mail program would."""
    return message_from_bytes(path.read_bytes(), policy=default)


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name
