"""A simulated ESP as tests hold it: started in a process of its own, told what to do, asked what it has, and stopped."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from domain.errors import InputError, UnavailableError

_PATIENCE = 30.0
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Message:
    """One message that the ESP accepted, and what arrived of it. Content is there only if it was asked for and kept."""

    provider: str
    account: str
    message_id: str
    recipient: str
    esp_message_id: str
    idempotency_key: str | None
    metadata: Mapping[str, str]
    at: float
    number: int
    digest: str
    lost: str | None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: Mapping[str, str] | None = None
    mime: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """What one provider was asked and took. `duplicates`: acceptances of one of our ids beyond its first."""

    calls: int = 0
    lookups: int = 0
    refused: int = 0
    replayed: int = 0
    messages: int = 0
    bytes_in: int = 0
    distinct: int = 0
    duplicates: int = 0
    unnamed: int = 0


class SimulatedEsp:
    """A running server. Also a context manager: `with SimulatedEsp.start() as esp:`."""

    def __init__(self, process: "subprocess.Popen[bytes]", addresses: Mapping[str, str | None]) -> None:
        self._process = process
        self.url = str(addresses["http"])
        self.smtp_url, self.tls_url, self.certificate = addresses["smtp"], addresses["https"], addresses["certificate"]
        self._client = httpx.Client(base_url=self.url, timeout=_PATIENCE)

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        smtp: bool = False,
        tls: bool = False,
        state: Path | None = None,
        faults: str = "",
        webhooks: str | None = None,
        events: str = "",
        keep: str = "bodies",
        seed: int = 1,
    ) -> Self:
        """Start a server on free ports of loopback; it ends with this process at the latest. Raises InputError, UnavailableError."""
        options = {"port": str(port), "faults": faults, "events": events, "keep": keep, "seed": str(seed)}
        options |= {"smtp-port": "0"} if smtp else {}
        options |= {"tls-port": "0"} if tls else {}
        options |= {"state": str(state)} if state else {}
        options |= {"webhooks": webhooks} if webhooks else {}
        command = [sys.executable, "-m", "simulator.esp", "--tied", *(f"--{name}={value}" for name, value in options.items())]
        return cls(*_started(command))

    @property
    def host(self) -> str:
        """HOST:PORT of its HTTP side, as an ESP's address names it."""
        return self.url.removeprefix("http://")

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        self._client.close()
        self._process.terminate()
        self._process.communicate(timeout=_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def counts(self, provider: str) -> Counts:
        """What a provider was asked and took."""
        return Counts(**self._ask("GET", "state")["providers"].get(provider, {}))

    def faults_that_happened(self, provider: str) -> Mapping[str, int]:
        """How often which fault really happened."""
        return dict(self._ask("GET", "state")["faults"].get(provider, {}))

    def accepted(self, provider: str | None = None) -> Mapping[str, int]:
        """How often each of our ids was accepted; 1 is as it should be."""
        return dict(self._ask("GET", "ids", {"provider": provider} if provider else {}))

    def messages(
        self, *, provider: str | None = None, message_id: str | None = None, recipient: str | None = None, content: bool = True
    ) -> list[Message]:
        """What was accepted, in order, as it arrives."""
        asked = {"provider": provider, "message_id": message_id, "recipient": recipient, "content": "1" if content else None}
        query = {name: value for name, value in asked.items() if value is not None}
        found: list[Message] = []
        while True:
            page = self._ask("GET", "messages", query | {"offset": str(len(found))})
            found += [_message(document) for document in page]
            if not page:
                return found

    def set_faults(self, spec: str) -> None:
        """What goes wrong from now on; calls are counted anew. Raises InputError."""
        self._ask("PUT", "faults", body={"spec": spec})

    def set_events(self, url: str | None, spec: str = "") -> None:
        """Where events are posted from now on, and which. Raises InputError."""
        self._ask("PUT", "events", body={"url": url, "spec": spec})

    def make_event(self, message_id: str, kind: str, *, url: str | None = None) -> list[Mapping[str, Any]]:
        """Let something happen to an accepted message."""
        made: list[Mapping[str, Any]] = self._ask("POST", "events", body={"message_id": message_id, "kind": kind, "url": url})["events"]
        return made

    def events(self) -> list[Mapping[str, Any]]:
        """Everything that happened, each thing once, however often it was told."""
        events: list[Mapping[str, Any]] = self._ask("GET", "events")
        return events

    def told(self) -> Mapping[str, int]:
        """Counts of posts to the receiver."""
        return dict(self._ask("GET", "state")["webhooks"])

    def wait_until_told(self, seconds: float = _PATIENCE) -> Mapping[str, int]:
        """Wait until everything that happened was told, or given up. Raises UnavailableError."""
        end = time.monotonic() + seconds
        while (told := self.told())["waiting"]:
            if time.monotonic() > end:
                raise UnavailableError(f"{told['waiting']} events are still to be told after {seconds:g} s")
            time.sleep(0.05)
        return told

    def keys(self) -> Mapping[str, str]:
        """What a receiver needs to verify the events."""
        return dict(self._ask("GET", "keys"))

    def advance(self, seconds: float) -> None:
        """Let time pass for it: idempotency keys expire."""
        self._ask("POST", "advance", body={"seconds": seconds})

    def reset(self) -> None:
        """Forget what was accepted and what was counted; the faults stay."""
        self._ask("POST", "reset")

    def _ask(self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None) -> Any:
        content = None if body is None else orjson.dumps(body)
        answer = self._client.request(method, f"/_control/{path}", params=dict(query or {}), content=content)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise InputError(str(answer.json().get("error", answer.text)))
        return orjson.loads(answer.content)


def _started(command: Sequence[str]) -> tuple["subprocess.Popen[bytes]", dict[str, str | None]]:
    """The process and its addresses, once it listens."""
    with tempfile.TemporaryFile() as said:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=said, cwd=_REPOSITORY)  # noqa: S603 - our own module
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            code = process.wait()
            said.seek(0)
            kind = InputError if code == InputError.exit_code else UnavailableError
            raise kind(said.read().decode().strip() or "the simulated ESP did not start")
    return process, orjson.loads(line)


def _message(document: Mapping[str, Any]) -> Message:
    mime = document.get("mime")
    return Message(**{**document, "mime": mime.encode("latin-1") if mime is not None else None, "notes": tuple(document.get("notes", ()))})
