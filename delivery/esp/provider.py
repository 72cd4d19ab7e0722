"""What an ESP's HTTP API is to us: how a call is built and what its answer means. Pure; `http.py` does the talking.

A provider is one file beside this one (`docs/esp/adding.md`). It sees letters; one whose ESP puts values into a body that many
letters share declares that as a capability of its own (`Templated`), as it does when messages can be asked about (`Witness`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, runtime_checkable

from delivery.answers import Accepted, Answer, Rejected
from delivery.esp.endpoint import Endpoint
from delivery.esp.shared_body import Language
from domain.ids import MessageId
from domain.message import Letter

OUR_ID = "letterpress_message"  # the name under which our message id travels in an ESP's metadata, tags or custom arguments


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one call takes: messages, and bytes of its body; and how many calls a second, where the ESP counts those."""

    messages: int
    bytes: int
    calls_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A call. `target` is path and query, below the endpoint's prefix. Secrets are in the headers and nowhere else."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: names of headers in lower case; the body may be cut short."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing came back. `complete`: all of the call had left us, so the ESP may have acted on it."""

    complete: bool
    reason: str


Outcome = Response | Failure


class Provider(Protocol):
    """One account at one ESP, as calls and answers."""

    @property
    def name(self) -> str:
        """Which account this is, without secrets."""
        ...

    @property
    def endpoint(self) -> Endpoint:
        """Where its API is."""
        ...

    @property
    def limits(self) -> Limits:
        """What one call takes."""
        ...

    @property
    def remembers(self) -> timedelta | None:
        """For how long a call that is repeated, byte for byte and under its key, is recognised and not acted on again."""
        ...

    def build(self, batch: Sequence[Letter]) -> Request:
        """The call that hands these letters over. The same letters in the same order make the same body and key.

        Several letters are within `limits` together, or of one body and within `Templated.together`.
        """
        ...

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> Sequence[Answer]:
        """One answer per letter, whatever came back. Reasons hold no address and no secret."""
        ...

    def probe(self) -> Request:
        """A call that costs and changes nothing and shows whether letters could be handed over."""
        ...

    def fault(self, response: Response) -> str | None:
        """What the answer to the probe holds against us, if anything. Not asked about 429 and 5xx."""
        ...


@runtime_checkable
class Witness(Protocol):
    """An ESP that can be asked about one message by our id."""

    def question(self, message_id: MessageId) -> Request:
        """The call that asks whether the message is there."""
        ...

    def proof(self, message_id: MessageId, response: Response) -> Accepted | Rejected | None:
        """What the answer proves. Not found proves nothing: what was taken a moment ago may not be searchable yet."""
        ...


@runtime_checkable
class Templated(Protocol):
    """An ESP that takes one body for many letters and puts each one's own values into it. `limits` are then those of whole letters."""

    @property
    def language(self) -> Language:
        """How it is told where the values go."""
        ...

    @property
    def together(self) -> Limits:
        """What a call of letters of one body takes."""
        ...

    @property
    def values_at_most(self) -> int:
        """Bytes of one letter's values with their names."""
        ...

    def admits(self, letter: Letter) -> bool:
        """Whether nothing else keeps the letter from such a call, such as its address."""
        ...
