"""A real name server on loopback: answers queries over UDP from a table, and can be told to be silent or to fail."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

ROOT = {"NS .": ["a.root-servers.net."]}


@dataclass
class NameServer:
    """`table`: `{"TXT fernhaus.de": ['"v=spf1 -all"']}` in the text of zone files; names that it lacks do not exist. `SERVFAIL` and
    `SILENCE` as a record make it fail, or say nothing. `asked` is what it was asked."""

    table: Mapping[str, Sequence[str]]
    socket: socket.socket
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As the setting `dns_server` takes it."""
        host, port = self.socket.getsockname()
        return f"{host}:{port}"

    def serve(self) -> None:
        """Answer until an empty message comes."""
        while True:
            wire, client = self.socket.recvfrom(4096)
            if not wire:
                return
            if answer := self.answer(wire):
                self.socket.sendto(answer, client)

    def answer(self, wire: bytes) -> bytes | None:
        """The answer to a query; None for silence."""
        query = dns.message.from_wire(wire)
        [question] = query.question
        name, kind = question.name.to_text().rstrip(".").lower() or ".", dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{kind} {name}")
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        records = list(self.table.get(f"{kind} {name}", ()))
        if records == ["SILENCE"]:
            return None
        if records == ["SERVFAIL"]:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif not self._put(response, question.name.to_text(), kind, records) and not self._has(name):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    def _put(self, response: dns.message.Message, name: str, kind: str, records: Sequence[str]) -> bool:
        """Put records into the answer, by way of an alias where there is one."""
        alias = self.table.get(f"CNAME {name.rstrip('.').lower()}", ())
        if alias and not records:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", *alias))
            return self._put(response, alias[0], kind, list(self.table.get(f"{kind} {alias[0].rstrip('.').lower()}", ())))
        if records:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
        return bool(records or alias)

    def _has(self, name: str) -> bool:
        return any(key.split(" ")[1] == name for key in self.table)


@contextmanager
def serving(table: Mapping[str, Sequence[str]]) -> Iterator[NameServer]:
    """A name server that answers from the table."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        server = NameServer(table, opened)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        opened.sendto(b"", opened.getsockname())
        thread.join()
