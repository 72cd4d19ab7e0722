"""The port to the DNS: what the checks ask, and what they may be told. `runtime/dns.py` satisfies it."""

from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["TXT", "MX", "A", "AAAA"]


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a name, as text: strings of a TXT record joined (RFC 7208 §3.3), an MX as `10 mail.example.net`."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The DNS says for certain that there is no such record."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Nobody knows: no answer, or one from a server that does not know the public DNS. Never to be read as `Nothing`."""

    reason: str


Answer = Records | Nothing | Unanswered


class Resolver(Protocol):
    """Asks the DNS. Never raises, and answers within seconds."""

    def look_up(self, name: str, kind: Kind) -> Answer:
        """The records of this kind that a name has; aliases (CNAME) are followed."""
        ...
