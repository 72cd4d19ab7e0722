"""The SMTP side: a relay that takes letters fast, and breaks off at the moment it is told to.

Its own dialogue rather than aiosmtpd's, because that one takes 4 ms for a letter and would be what a benchmark measures. It speaks
RFC 5321 with PIPELINING, 8BITMIME, SMTPUTF8, SIZE, STARTTLS where it has a certificate, and AUTH PLAIN and LOGIN.

What faults mean here: `throttle` 450 to the recipient; `partial` 550 and `partial_throttle` 452 to the recipient; `denied` 535 to the
login, or 550 to the sender; `before` 451 after the final dot, nothing taken; `after` and `cut_after` taken and the line is cut, because
an answer of 4xx would be a lie that no sender can see through; `cut_reading` the line is cut within the letter; `cut_before` after its
final dot, nothing taken; `late` the 250 comes late. One fault is drawn per letter, when its sender is named.
"""

import asyncio
import re
import ssl
from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import cast

from simulator.esp.addresses import plausible
from simulator.esp.calls import REVOKED, Declined, Entry, Order, Receipt, account_of
from simulator.esp.contents import Raw
from simulator.esp.desk import Desk, Turn
from simulator.esp.faults import Fault
from simulator.esp.names import SMTP, hex_name

_LARGEST = 40_000_000
_PATH = re.compile(rb"(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)
_END = b"\r\n.\r\n"
_ENOUGH = 4_096  # bytes of a letter after which a line may be cut within it


class Relay:
    """Whose names the letters get."""

    name = SMTP
    declines: frozenset[Declined] = frozenset()

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def message_name(self, number: int) -> str:
        """A queue id."""
        return hex_name(self.name, self._seed, number)[:12].upper()


class SmtpLine(asyncio.Protocol):
    """One connection."""

    def __init__(self, desk: Desk, relay: Relay, context: ssl.SSLContext | None) -> None:
        self._desk, self._relay, self._context = desk, relay, context
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._account = "anonymous"
        self._expected: Callable[[bytes], None] | None = None  # what takes the next line, in the middle of a login
        self._waits = False  # for a late answer: what comes in meanwhile stays in the buffer
        self._secure = False
        self._forget()
        self._commands: dict[bytes, Callable[[bytes], None]] = {
            b"EHLO": self._hello,
            b"HELO": self._hello,
            b"AUTH": self._log_in,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._begin,
            b"RSET": self._rset,
            b"NOOP": lambda _: self._say("250 2.0.0 Ok"),
            b"QUIT": self._quit,
            b"STARTTLS": self._start_tls,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)
        self._say("220 simulated.example ESMTP")

    def data_received(self, data: bytes) -> None:
        """Go as far as what came in allows."""
        self._buffer += data
        while not self._waits and not self._transport.is_closing() and self._step():
            pass

    def _step(self) -> bool:
        """One line, or one letter. Whether there was a whole one."""
        if self._reading:
            return self._letter()
        line, found, rest = bytes(self._buffer).partition(b"\r\n")
        if not found:
            return False
        self._buffer = bytearray(rest)
        expected, self._expected = self._expected, None
        try:
            if expected:
                expected(b64decode(line, validate=True))
            else:
                self._commands.get(line.split(b" ", 1)[0].upper(), self._unknown)(line)
        except ValueError:
            self._say("501 5.5.2 Cannot decode")
        return True

    def _unknown(self, _line: bytes) -> None:
        self._say("500 5.5.2 Command not recognized")

    def _forget(self) -> None:
        self._turn: Turn | None = None
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._reading = False
        self._searched = 0  # how far into a letter its end was looked for

    def _say(self, *lines: str) -> None:
        self._transport.write("".join(f"{line}\r\n" for line in lines).encode())

    def _hello(self, _line: bytes) -> None:
        offered = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", f"SIZE {_LARGEST}", "AUTH PLAIN LOGIN"]
        if self._context and not self._secure:
            offered.append("STARTTLS")
        self._say("250-simulated.example", *(f"250-{one}" for one in offered[:-1]), f"250 {offered[-1]}")

    def _start_tls(self, _line: bytes) -> None:
        if not self._context or self._secure:
            self._say("454 4.7.0 TLS not available")
            return
        self._say("220 2.0.0 Ready to start TLS")
        self._secure = self._waits = True
        self._buffer.clear()
        self._tasks = asyncio.ensure_future(self._upgrade(self._context))

    async def _upgrade(self, context: ssl.SSLContext) -> None:
        self._forget()
        upgraded = await asyncio.get_running_loop().start_tls(self._transport, self, context, server_side=True)
        self._transport, self._waits = cast(asyncio.Transport, upgraded), False
        self.data_received(b"")

    def _log_in(self, line: bytes) -> None:
        words = line.split(maxsplit=2)
        mechanism, given = words[1].upper() if len(words) > 1 else b"", words[2:]
        if mechanism == b"PLAIN":
            self._ask("", self._plain, given)
        elif mechanism == b"LOGIN":
            self._ask("VXNlcm5hbWU6", self._user, given)
        else:
            self._say("504 5.5.4 Mechanism not supported")

    def _ask(self, question: str, then: Callable[[bytes], None], given: Sequence[bytes] = ()) -> None:
        """Ask for an answer in base64, unless it was given at once."""
        if given:
            then(b64decode(given[0], validate=True))
        else:
            self._expected = then
            self._say(f"334 {question}")

    def _plain(self, answer: bytes) -> None:
        _, user, password = (*answer.split(b"\0"), b"", b"")[:3]
        self._checked(user, password)

    def _user(self, answer: bytes) -> None:
        self._ask("UGFzc3dvcmQ6", lambda password: self._checked(answer, password))

    def _checked(self, user: bytes, password: bytes) -> None:
        if not password or password.decode() == REVOKED:
            self._say("535 5.7.8 Authentication credentials invalid")
            return
        self._account = account_of(user.decode())
        self._say("235 2.7.0 Authentication successful")

    def _mail(self, line: bytes) -> None:
        found = _PATH.search(line)
        if not found:
            self._say("501 5.5.4 Syntax: MAIL FROM:<address>")
            return
        self._forget()
        self._sender = found[1].decode()
        self._turn = self._desk.turn(self._relay)
        if self._turn.fault is Fault.DENIED:
            self._desk.faults.note(self._turn.scope, Fault.DENIED)
            self._forget()
            self._say("550 5.7.1 Not allowed to send")
            return
        self._say("250 2.1.0 Ok")

    def _rcpt(self, line: bytes) -> None:
        found = _PATH.search(line)
        if self._turn is None or not found:
            self._say("503 5.5.1 Need MAIL before RCPT")
            return
        self._say(self._about(self._turn, found[1].decode()))

    def _about(self, turn: Turn, address: str) -> str:
        """The answer to a recipient."""
        if self._desk.throttles(turn, 1):
            return "450 4.7.1 Too many messages, slow down"
        partial = {Fault.PARTIAL: "550 5.1.1 User unknown", Fault.PARTIAL_THROTTLE: "452 4.2.2 Mailbox full"}.get(turn.fault or Fault.LATE)
        if partial and turn.fault:
            self._desk.faults.note(turn.scope, turn.fault)
            return partial
        if not plausible(address):
            return "553 5.1.3 Address not understood"
        self._recipients.append(address)
        return "250 2.1.5 Ok"

    def _begin(self, _line: bytes) -> None:
        if not self._recipients:
            self._say("554 5.5.1 No valid recipients")
            return
        self._reading = True
        self._say("354 End data with <CR><LF>.<CR><LF>")

    def _rset(self, _line: bytes) -> None:
        self._forget()
        self._say("250 2.0.0 Ok")

    def _quit(self, _line: bytes) -> None:
        self._say("221 2.0.0 Bye")
        self._transport.close()

    def _letter(self) -> bool:
        """The letter, once all of it is there."""
        if self._turn and self._turn.fault is Fault.CUT_READING and len(self._buffer) > _ENOUGH:
            self._cut(self._turn)
            return False
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(_END))
            return False
        mime = bytes(self._buffer[: end + 2])
        self._buffer = self._buffer[end + len(_END) :]
        self._done(mime.replace(b"\r\n..", b"\r\n.") if b"\r\n.." in mime else mime)
        return True

    def _done(self, mime: bytes) -> None:
        turn, recipients = self._turn or Turn(SMTP, 0, None), self._recipients
        fault = turn.fault
        self._forget()
        tally = self._desk.book.tally(self._relay.name)
        tally.calls += 1
        tally.bytes_in += len(mime)
        if fault in (Fault.CUT_BEFORE, Fault.CUT_READING):
            self._cut(turn)
        elif fault is Fault.BEFORE:
            self._desk.faults.note(turn.scope, fault)
            self._say("451 4.3.0 Temporary failure")
        else:
            self._accept(turn, recipients, mime)

    def _accept(self, turn: Turn, recipients: list[str], mime: bytes) -> None:
        order = Order(self._account, [Entry(address, Raw(mime), {}) for address in recipients], shared_id=True)
        [name, *_] = [outcome.esp_message_id for outcome in self._desk.outcomes(turn, self._relay, order) if isinstance(outcome, Receipt)]
        answer = f"250 2.0.0 Ok: queued as {name}"
        if turn.fault in (Fault.AFTER, Fault.CUT_AFTER):
            self._cut(turn)
        elif turn.fault is Fault.LATE:
            self._desk.faults.note(turn.scope, turn.fault)
            self._waits = True
            asyncio.get_running_loop().call_later(self._desk.faults.setting(turn.scope, "late_seconds"), self._say_late, answer)
        else:
            self._say(answer)

    def _say_late(self, answer: str) -> None:
        self._waits = False
        if not self._transport.is_closing():
            self._say(answer)
            self.data_received(b"")

    def _cut(self, turn: Turn) -> None:
        if turn.fault:
            self._desk.faults.note(turn.scope, turn.fault)
        self._transport.abort()
