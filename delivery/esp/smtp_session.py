"""One connection to a relay, carrying one letter after the other, and knowing at every moment whether the relay may have it.

RFC 5321 §4.1.1.4: the relay owns a message once it has answered 250 to the final dot, and must discard what it was
sent if the connection ends before the dot. So the dot is sent by itself: anything that fails before it is a Retry,
anything that fails from it on is Unknown.
"""

import smtplib
from contextlib import suppress
from dataclasses import dataclass

from delivery.answers import Answer, Rejected, Unknown
from delivery.esp.smtp_envelope import Extensions, Unsendable, body_of, commands_of
from delivery.esp.smtp_relay import Relay, connect
from delivery.esp.smtp_replies import CLOSING, Reply, Stage, classify
from domain.message import Letter

_LOST = (smtplib.SMTPException, OSError, ValueError)


@dataclass(eq=False)
class LineLost(Exception):  # noqa: N818 - it ends a line, not the hand-off
    """The connection ended, or was ended by 421, before the final dot: the relay has nothing of this letter."""

    stage: Stage
    reason: str

    def __str__(self) -> str:
        return self.reason


class Session:
    """A logged-in connection. `carried`: how many letters it has answered for. Used by one thread at a time."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._line = connect(relay)
        self._extensions = Extensions.of(self._line.esmtp_features)
        if self._extensions.utf8:
            self._line.command_encoding = "utf-8"
        self.carried = 0
        self.open = True

    @property
    def worn(self) -> bool:
        """Whether the connection should be replaced: closed, or used as often as the address allows."""
        return not self.open or self.carried >= self._relay.per_connection

    def deliver(self, letter: Letter) -> Answer:
        """Send one letter. Raises LineLost if the connection ends before the final dot."""
        try:
            commands = commands_of(letter, self._extensions)
        except Unsendable as refusal:
            return Rejected(letter.message_id, str(refusal))
        for stage, command in zip((Stage.MAIL, Stage.RCPT, Stage.DATA), commands, strict=True):
            if answer := self._step(letter, stage, command):
                self.carried += 1
                return answer
        self._pour(body_of(letter.mime))
        answer = self._finish(letter)
        self.carried += 1
        return answer

    def noop(self) -> None:
        """Ask for a sign of life."""
        self._say(Stage.MAIL, "NOOP")

    def quit(self) -> None:
        """Take leave, whatever the relay thinks of it."""
        if self.open:
            with suppress(*_LOST):
                self._line.quit()
        self._close()

    def _step(self, letter: Letter, stage: Stage, command: str) -> Answer | None:
        """One command; the answer if the dialogue about this letter ends here."""
        answer = classify(letter.message_id, stage, self._say(stage, command))
        if answer is not None:
            self._forget(stage)
        return answer

    def _say(self, stage: Stage, command: str) -> Reply:
        try:
            code, text = self._line.docmd(command)
        except _LOST as error:
            raise self._lost(stage, error) from None
        reply = Reply(code, text.decode("utf-8", "replace"))
        if code == CLOSING or code < 0:  # smtplib says -1 where it found no number
            self._close()
            raise LineLost(stage, reply.reason if code > 0 else "the relay does not speak SMTP")
        return reply

    def _forget(self, stage: Stage) -> None:
        """RSET after a refused step. After a final dot the relay starts anew by itself, so accepted letters need none."""
        try:
            if not self._say(stage, "RSET").good:
                self._close()
        except LineLost:
            pass  # the answer stands; the next letter takes another connection

    def _pour(self, body: bytes) -> None:
        """All of the letter but the dot."""
        try:
            self._line.send(body)
        except _LOST as error:
            raise self._lost(Stage.DATA, error) from None

    def _finish(self, letter: Letter) -> Answer:
        """The dot, and what the relay says to it. From here on a lost connection means that nobody knows."""
        try:
            if self._line.sock:
                self._line.sock.settimeout(self._relay.final_timeout)
            self._line.send(b".\r\n")
            code, text = self._line.getreply()
            if self._line.sock:
                self._line.sock.settimeout(self._relay.timeout)
        except _LOST as error:
            self._close()
            return Unknown(letter.message_id, f"no answer after the final dot: {_what(error)}")
        if code == CLOSING or code < 0:
            self._close()
        reply = Reply(code, text.decode("utf-8", "replace"))
        return classify(letter.message_id, Stage.DOT, reply) or Unknown(letter.message_id, "no answer after the final dot")

    def _lost(self, stage: Stage, error: Exception) -> LineLost:
        self._close()
        return LineLost(stage, f"the connection was lost before the letter was complete: {_what(error)}")

    def _close(self) -> None:
        self.open = False
        self._line.close()


def _what(error: Exception) -> str:
    """The kind of the failure; smtplib's texts may hold more than should be kept."""
    return "time ran out" if isinstance(error, TimeoutError) or "timed out" in str(error) else "disconnected"
