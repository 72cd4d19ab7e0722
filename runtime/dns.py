"""Asking the DNS, with short time-outs, for `delivery/compliance`. What cannot be found out is said to be so, and never taken for a no.

A resolver that denies everything (a sandbox's, a closed network's) would have every domain look as if it had no records. So before its
first no is believed it is asked for the root's name servers, which every resolver of the public DNS knows.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from dns.exception import DNSException
from dns.rdtypes.txtbase import TXTBase
from dns.resolver import NXDOMAIN, LifetimeTimeout, NoAnswer, NoNameservers, NoResolverConfiguration, Resolver

from delivery.compliance.lookup import Answer, Kind, Nothing, Records, Unanswered
from domain.errors import InputError

_PORT = 53
_SERVER = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[\]]+))(?::(?P<port>\d+))?")
_SILENT = Unanswered("the DNS does not answer here")
_CLOSED = Unanswered("the name server here does not know the public DNS")


@dataclass
class DnsResolver:
    """Satisfies `Resolver`. Asks each question once; after a time-out asks no more, so that a check without DNS takes seconds.

    `server`: address of a name server, with a port if it is not 53; the system's if empty. `patience`: seconds per question.
    """

    server: str = ""
    patience: float = 3.0
    _asked: dict[tuple[str, Kind], Answer] = field(default_factory=dict)
    _resolver: Resolver | None = None
    _silent: bool = False
    _closed: bool | None = None

    def __post_init__(self) -> None:
        """InputError for a server that is no address."""
        try:
            self._resolver = _resolver(self.server)
        except NoResolverConfiguration:
            self._silent = True
        if self._resolver:
            self._resolver.lifetime = self.patience

    def look_up(self, name: str, kind: Kind) -> Answer:
        """The records of a name. Never raises."""
        asked = (name.lower().rstrip("."), kind)
        if asked not in self._asked:
            self._asked[asked] = self._believed(self._answer(f"{asked[0]}.", kind))
        return self._asked[asked]

    def _believed(self, answer: Answer) -> Answer:
        if not isinstance(answer, Nothing):
            return answer
        if self._closed is None:
            self._closed = not isinstance(self._answer(".", "NS"), Records)
        return _CLOSED if self._closed else answer

    def _answer(self, name: str, kind: str) -> Answer:
        if self._silent or self._resolver is None:
            return _SILENT
        try:
            found = self._resolver.resolve(name, kind, search=False)
        except (NXDOMAIN, NoAnswer):
            return Nothing()
        except (LifetimeTimeout, OSError):
            self._silent = True
            return _SILENT
        except NoNameservers:
            return Unanswered(f"the name server gives no answer for {name.rstrip('.')}")
        except DNSException as error:  # a name that cannot be asked for, an answer that cannot be read
            return Unanswered(f"{name.rstrip('.')} cannot be looked up: {type(error).__name__}")
        return Records(tuple(sorted(_text(one) for one in found)))  # servers turn their order round


def _text(record: object) -> str:
    """A record as text; the strings of a TXT record are joined without blanks."""
    if isinstance(record, TXTBase):
        return b"".join(record.strings).decode("utf-8", "replace")
    return str(record)


def _resolver(server: str) -> Resolver:
    """The resolver of the system, or of one server."""
    if not server.strip():
        return Resolver()
    host, port = _host_and_port(server.strip())
    made = Resolver(configure=False)
    made.nameservers, made.port = [host], port
    return made


def _host_and_port(server: str) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:5353`, `::1`, `[::1]:5353`."""
    found = _SERVER.fullmatch(server)
    try:
        if found is None:
            return str(ipaddress.ip_address(server)), _PORT
        address, port = str(ipaddress.ip_address(found["six"] or found["four"])), int(found["port"] or _PORT)
    except ValueError:
        address, port = "", 0
    if not 0 < port < 2**16:
        raise InputError(f"{server!r} is no name server", where="dns_server", hint="an IP address, such as 192.0.2.1 or [::1]:5353")
    return address, port
