"""The server's memory on disk: one JSON document per accepted message, appended, so that a restart forgets nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from simulator.esp.calls import Entry, Held
from simulator.esp.contents import Gone, Printed, Raw, Whole

NAME = "messages.jsonl"


class Journal:
    """An append-only file in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / NAME
        self._file = self._path.open("ab")

    def write(self, held: Held, *, whole: bool) -> None:
        """Add a message; `whole` with its content, as printed."""
        document = {
            **{name: getattr(held, name) for name in _FIELDS},
            "recipient": held.entry.recipient,
            "metadata": dict(held.entry.metadata),
            "lost": held.entry.lost,
            **(_content(held) if whole and not held.entry.lost else {"digest": "" if held.entry.lost else held.entry.content.digest}),
        }
        self._file.write(orjson.dumps(document) + b"\n")

    def flush(self) -> None:
        """Hand what was written to the operating system: it survives the end of this process."""
        self._file.flush()

    def clear(self) -> None:
        """Empty the file."""
        self._file.truncate(0)

    def read(self) -> Iterator[Held]:
        """What earlier lives of the server wrote. A last line that was cut short is passed over."""
        lines = self._path.read_bytes().split(b"\n")
        self._file.truncate(0)  # the book writes them again as it takes them over
        for line in lines:
            try:
                found = orjson.loads(line)
            except ValueError:
                continue
            entry = Entry(found["recipient"], _kept(found), found["metadata"], lost=found["lost"])
            yield Held(**{name: found[name] for name in _FIELDS}, entry=entry)


_FIELDS = ("number", "provider", "account", "message_id", "esp_message_id", "idempotency_key", "at")


def _content(held: Held) -> dict[str, object]:
    printed: Printed = held.entry.content.printed()
    if printed.mime is not None:
        return {"mime": printed.mime.decode("latin-1")}
    return {"subject": printed.subject, "html": printed.html, "text": printed.text, "headers": dict(printed.headers)}


def _kept(found: dict[str, Any]) -> Raw | Whole | Gone:
    if "mime" in found:
        return Raw(found["mime"].encode("latin-1"))
    if "subject" in found:
        return Whole(found["subject"], found["html"], found["text"], found["headers"])
    return Gone(found.get("digest", ""))
