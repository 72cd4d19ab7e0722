"""Hand-off to an SMTP relay over pooled connections, letter by letter (`docs/esp/smtp.md`)."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from delivery.answers import Answer, Cause, Retry, Unknown
from delivery.esp.address import EspAddress
from delivery.esp.port import Call, Habits, one_by_one
from delivery.esp.smtp_pool import Pool
from delivery.esp.smtp_relay import Relay, relay_of
from delivery.esp.smtp_replies import Stage
from delivery.esp.smtp_session import LineLost, Session
from domain.errors import InputError, UnavailableError
from domain.ids import MessageId
from domain.message import Letter

_MAX_BATCH = 10  # what one thread may leave UNKNOWN at a kill -9; a claim costs little beside ten dialogues
_LOSSES = 2  # connections lost in a row within a batch before the rest of it is given back


class Smtp:
    """One relay. A batch goes over one connection; idle ones are kept for the next batch."""

    max_batch = _MAX_BATCH
    habits = Habits(batch=_MAX_BATCH, connections=4)  # relays commonly allow 10 to 20 connections from one host
    remembers: timedelta | None = None
    can_be_asked = False

    def __init__(self, relay: Relay) -> None:
        self._pool = Pool(relay)

    @staticmethod
    def at(address: EspAddress) -> "Smtp":
        """The relay at this address; not connected yet."""
        return Smtp(relay_of(address))

    @property
    def name(self) -> str:
        """Which relay, without credentials."""
        return f"smtp:{self._pool.relay.place}"

    def check(self) -> None:
        """Connect, log in and ask for a sign of life; the connection is kept for the first batch."""
        session = self._pool.fresh()
        try:
            session.noop()
        except LineLost as lost:
            raise UnavailableError(f"the relay turns us away: {lost.reason}", where=self._pool.relay.place) from None
        self._pool.give(session)

    def calls(self, letters: Sequence[Letter]) -> list[Call]:
        """A dialogue for each letter."""
        return one_by_one(letters)

    def repeat(self, call: Call) -> Sequence[Answer]:
        """A relay takes the same letter twice, so nothing is repeated and nothing is known."""
        return [Unknown(letter.message_id, "a relay does not recognise a letter that it was given before") for letter in call]

    def hand_off(self, batch: Sequence[Letter]) -> Iterator[Answer]:
        """Send letter by letter. After an unknown outcome, or when the relay takes nothing, the rest is given back unsent."""
        carrier = _Carrier(self._pool)
        try:
            for number, letter in enumerate(batch):
                yield carrier.deliver(letter)
                if carrier.gone:
                    yield from (Retry(rest.message_id, carrier.gone, cause=Cause.UNREACHABLE) for rest in batch[number + 1 :])
                    return
        finally:
            carrier.release()

    def evidence(self, message_ids: Sequence[MessageId]) -> Iterator[Answer]:  # noqa: ARG002 - the port's
        """None: a relay cannot be asked what it was given."""
        return iter(())

    def close(self) -> None:
        """Take leave on all idle connections."""
        self._pool.close()


class _Carrier:
    """Carries one batch over one connection, replaced as needed. `gone`: why the rest should not be tried now."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._session: Session | None = None
        self._losses = 0
        self.gone = ""

    def deliver(self, letter: Letter) -> Answer:
        """The answer for one letter, on a connection that works if there is one."""
        try:
            answer = self._on_a_live_line(letter)
        except LineLost as lost:
            return self._after_loss(letter, lost)
        except (UnavailableError, InputError) as error:
            self.gone = str(error)
            return Retry(letter.message_id, self.gone, cause=Cause.UNREACHABLE)
        self._losses = 0
        if isinstance(answer, Unknown) or (isinstance(answer, Retry) and answer.cause is not Cause.MESSAGE):
            self.gone = answer.reason
        return answer

    def release(self) -> None:
        """Give the connection back to the pool."""
        if self._session is not None:
            self._pool.give(self._session)
            self._session = None

    def _on_a_live_line(self, letter: Letter) -> Answer:
        session = self._ready()
        try:
            return session.deliver(letter)
        except LineLost as lost:
            if lost.stage is not Stage.MAIL or session.carried == 0:
                raise
        # Relays close connections that idled or carried enough: that says nothing about the letter. Once more, on a new one.
        self._session = self._pool.fresh()
        return self._session.deliver(letter)

    def _ready(self) -> Session:
        if self._session is not None and self._session.worn:
            self.release()
        if self._session is None:
            self._session = self._pool.take()
        return self._session

    def _after_loss(self, letter: Letter, lost: LineLost) -> Answer:
        """A line that ends while a letter is under way may be about that letter, and counts as that letter's attempt; one
        that ends at once, or again, is about the relay."""
        self._losses += 1
        if lost.stage is Stage.MAIL or self._losses >= _LOSSES:
            self.gone = lost.reason
        cause = Cause.UNREACHABLE if lost.stage is Stage.MAIL else Cause.MESSAGE
        return Retry(letter.message_id, lost.reason, cause=cause)
