"""Where calls are dealt with: the fault that is due, the provider's rules, the book, the reply."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import xxhash

from simulator.esp.book import Book
from simulator.esp.calls import Call, Declined, Held, Order, Outcome, Provider, Purpose, Receipt, Refusal, Reply, Source, json_reply
from simulator.esp.faults import Bucket, Fault, FaultPlan
from simulator.esp.idempotency import Keys, Remembered

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Turn:
    """The place of a call: its scope, its number in it, and the fault that is due."""

    scope: str
    number: int
    fault: Fault | None
    purpose: Purpose = Purpose.SEND


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of a call: a reply after so many seconds, or None: the connection is cut."""

    reply: Reply | None
    delay: float = 0.0


_CUT = Handling(None)
_DECLINES = {Fault.PARTIAL: Declined.REJECTED, Fault.PARTIAL_THROTTLE: Declined.THROTTLED}


class Desk:
    """One server's worth of dealing with calls. Not thread-safe: it lives in one event loop, and never waits in it."""

    def __init__(self, book: Book, faults: FaultPlan, *, clock: Clock = time.monotonic) -> None:
        self.book, self.faults, self.keys = book, faults, Keys()
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def turn(self, provider: Source, purpose: Purpose = Purpose.SEND) -> Turn:
        """Whose turn it is, as soon as a call begins to come in."""
        if purpose is Purpose.GREET:
            return Turn(provider.name, 0, None, purpose)
        scope = provider.name + (f"-{purpose}" if purpose is Purpose.LOOKUP else "")
        fault = self.faults.draw(scope)
        return Turn(scope, self.faults.calls[scope], fault, purpose)

    def take(self, turn: Turn, provider: Provider, call: Call) -> Handling:
        """Deal with a call that was read in full."""
        tally = self.book.tally(provider.name)
        tally.bytes_in += len(call.body)
        try:
            return self._DEALINGS[turn.purpose](self, turn, provider, call)
        except Refusal as refusal:
            tally.refused += 1
            return Handling(refusal.reply)

    def _greeted(self, _turn: Turn, provider: Provider, call: Call) -> Handling:
        """A question about the key."""
        provider.account(call)
        return Handling(provider.greet())

    def throttles(self, turn: Turn, messages: int) -> bool:
        """Whether a call of so many messages comes too soon: by its fault, or by the scope's rate limit."""
        limit = self.faults.setting(turn.scope, "limit")
        bucket = self._buckets.setdefault(turn.scope, Bucket())
        if turn.fault is Fault.THROTTLE or (limit and not bucket.takes(messages, limit, self._clock())):
            self.faults.note(turn.scope, Fault.THROTTLE)
            return True
        return False

    def _asked(self, turn: Turn, provider: Provider, call: Call) -> Handling:
        """A look-up."""
        self.book.tally(provider.name).lookups += 1
        early = self._early(turn, provider)
        if early:
            return early
        if self.throttles(turn, 1):
            return Handling(provider.throttled(None, self._after(turn)))
        before = self.book.now() - self.faults.setting(turn.scope, "lookup_lag")

        def search(name: str, value: str) -> list[Held]:
            return [held for held in self.book.with_metadata(provider.name, name, value) if held.at <= before]

        return self._late(turn, provider, provider.look_up(call, provider.account(call), search))

    def _ordered(self, turn: Turn, provider: Provider, call: Call) -> Handling:
        """A hand-off."""
        self.book.tally(provider.name).calls += 1
        account = provider.account(call)
        early = self._early(turn, provider)
        if early:
            return early
        order = _read(provider, call, account)
        if self.throttles(turn, len(order.entries)):
            return Handling(provider.throttled(order, self._after(turn)))
        return self._repeated(provider, order, call) or self._accepted(turn, provider, order, call)

    def _early(self, turn: Turn, provider: Provider) -> Handling | None:
        """Faults that leave nothing behind."""
        if turn.fault not in (Fault.DENIED, Fault.BEFORE, Fault.CUT_BEFORE):
            return None
        self.faults.note(turn.scope, turn.fault)
        if turn.fault is Fault.CUT_BEFORE:
            return _CUT
        return Handling(provider.denied() if turn.fault is Fault.DENIED else provider.failed())

    def _repeated(self, provider: Provider, order: Order, call: Call) -> Handling | None:
        """The answer to an order whose key was used before."""
        if not (provider.key_lifetime and order.idempotency_key):
            return None
        now = self.book.now()
        first = self.keys.find(provider.name, order.account, order.idempotency_key, lifetime=provider.key_lifetime, now=now)
        if not first:
            return None
        self.book.tally(provider.name).replayed += 1
        return Handling(provider.repeated(first.reply, same=first.digest == _digest(call), in_progress=now < first.answered_at))

    def _accepted(self, turn: Turn, provider: Provider, order: Order, call: Call) -> Handling:
        outcomes = self.outcomes(turn, provider, order)
        reply = provider.answer(order, outcomes)
        handling = self._late(turn, provider, reply)
        if provider.key_lifetime and order.idempotency_key and reply.status < 300:  # noqa: PLR2004 - HTTP's successes
            now = self.book.now()
            done = Remembered(_digest(call), reply, now, now + handling.delay)
            self.keys.remember(provider.name, order.account, order.idempotency_key, done)
        return handling

    def outcomes(self, turn: Turn, provider: Source, order: Order) -> list[Outcome]:
        """Take what is to be taken of an order, and say so entry by entry."""
        judged = [self._judged(turn, provider, order, number) for number in range(len(order.entries))]
        if any(judged) and turn.fault in (Fault.PARTIAL, Fault.PARTIAL_THROTTLE):
            self.faults.note(turn.scope, turn.fault)
        taken = [entry for entry, declined in zip(order.entries, judged, strict=True) if not declined]
        names = iter(self.book.accept(provider, order, taken))
        return [declined or Receipt(next(names)) for declined in judged]

    def _judged(self, turn: Turn, provider: Source, order: Order, number: int) -> Declined | None:
        if order.whole or order.entries[number].fault:
            return None if order.whole else Declined.INVALID
        declined = _DECLINES.get(turn.fault) if turn.fault else None
        return declined if declined in provider.declines and self.faults.picks(turn.scope, turn.number, number) else None

    def _late(self, turn: Turn, provider: Provider, reply: Reply) -> Handling:
        """Faults that come when the work is done."""
        if turn.fault not in (Fault.AFTER, Fault.CUT_AFTER, Fault.LATE):
            return Handling(reply)
        self.faults.note(turn.scope, turn.fault)
        if turn.fault is Fault.LATE:
            return Handling(reply, self.faults.setting(turn.scope, "late_seconds"))
        return _CUT if turn.fault is Fault.CUT_AFTER else Handling(provider.failed())

    def _after(self, turn: Turn) -> float | None:
        return self.faults.setting(turn.scope, "retry_after") or None

    _DEALINGS: ClassVar[Mapping[Purpose, Callable[["Desk", Turn, Provider, Call], Handling]]] = {
        Purpose.SEND: _ordered,
        Purpose.LOOKUP: _asked,
        Purpose.GREET: _greeted,
    }


def _read(provider: Provider, call: Call, account: str) -> Order:
    """The order that a call carries. Providers' files read documents as they should be; one of another shape is refused here."""
    try:
        return provider.read(call, account)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Refusal(json_reply(400, {"message": f"the simulator cannot read this call: {type(error).__name__}"})) from error


def _digest(call: Call) -> str:
    """What makes two calls the same: address and body."""
    return xxhash.xxh3_128_hexdigest(call.method.encode() + call.path.encode() + b"\0" + call.body)
