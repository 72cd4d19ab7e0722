"""Hand-off into a folder: one `.eml` per message, for trying things out, for tests, and for looking (`docs/esp/folder.md`).

A file appears whole or not at all, under its message id; so what is there is exactly what was handed off, and a crash
leaves nothing unknown for long.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry
from delivery.esp.address import EspAddress
from delivery.esp.folder_layout import path_of
from delivery.esp.port import Call, Habits, one_by_one
from domain.errors import UnavailableError
from domain.ids import MessageId
from domain.message import Letter

_MAX_BATCH = 200


class Folder:
    """A folder of letters. `durable`: each is forced to disk, so that even a power cut loses none."""

    max_batch = _MAX_BATCH
    habits = Habits(batch=_MAX_BATCH, connections=2, throttles=False)
    remembers: timedelta | None = None  # it has no need to: it is its own evidence
    can_be_asked = True

    def __init__(self, root: Path, *, durable: bool = False) -> None:
        self.root = root
        self._durable = durable

    @staticmethod
    def at(address: EspAddress) -> "Folder":
        """The folder at this address: `folder:PATH`; a relative one begins at Letterpress's home."""
        address.allow(("fsync",))
        if address.host or not address.path.strip():
            raise address.mistake("the folder's address names no path", "such as folder:var/mailbox")
        durable = address.choice("fsync", {"yes": "yes", "no": "no"}, "no") == "yes"
        return Folder((address.home / address.path).resolve(), durable=durable)

    @property
    def name(self) -> str:
        """Which folder."""
        return f"folder:{self.root}"

    def check(self) -> None:
        """Make the folder and see that it takes files."""
        trial = self.root / f".trial-{os.getpid()}-{threading.get_ident()}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            trial.touch()
            trial.unlink()
        except OSError as error:
            raise UnavailableError(f"the folder cannot be written to: {error.strerror}", where=str(self.root)) from None

    def calls(self, letters: Sequence[Letter]) -> list[Call]:
        """A file for each letter."""
        return one_by_one(letters)

    def repeat(self, call: Call) -> Sequence[Answer]:
        """Put it there again, which changes nothing where it lies."""
        return [answer for answer in self.hand_off(call) if not isinstance(answer, Retry)]

    def hand_off(self, batch: Sequence[Letter]) -> Iterator[Answer]:
        """Write each letter; a disk that is full or gone gives them back."""
        for letter in batch:
            try:
                yield self._put(letter)
            except OSError as error:
                reason = f"the folder cannot be written to: {error.strerror or type(error).__name__}"
                yield Retry(letter.message_id, reason, cause=Cause.UNREACHABLE)

    def evidence(self, message_ids: Sequence[MessageId]) -> Iterator[Answer]:
        """Exact: a letter is there or it never came to be there. What a dead run left unfinished is cleared away."""
        for message_id in message_ids:
            path = path_of(self.root, message_id)
            for unfinished in path.parent.glob(f".{path.name}.*"):
                unfinished.unlink(missing_ok=True)
            yield Accepted(message_id) if path.exists() else Retry(message_id, "the folder does not hold it")

    def close(self) -> None:
        """Nothing is kept open."""

    def _put(self, letter: Letter) -> Answer:
        path = path_of(self.root, letter.message_id)
        if path.exists():
            same = path.read_bytes() == letter.mime
            return Accepted(letter.message_id) if same else Rejected(letter.message_id, "the folder holds another letter under this id")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._appear(path, letter.mime)
        return Accepted(letter.message_id)

    def _appear(self, path: Path, content: bytes) -> None:
        """Write beside the place, then rename: readers and crashes never see half a letter."""
        unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
        if self._durable:
            _sync(path.parent)


def _sync(folder: Path) -> None:
    """Force a rename to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
