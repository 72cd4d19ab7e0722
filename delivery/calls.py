"""The key of the call that each letter goes out in: frozen with the claim, so that the very call can be made again after a crash."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from delivery.esp.port import Call, Esp
from domain.ids import MessageId, idempotency_key_of
from domain.message import Letter

Freezing = Callable[[frozenset[MessageId]], Mapping[MessageId, str]]
"""For the messages that were won, the key of the call that each goes out in."""


def key_of(call: Call) -> str:
    """The call's key, which is its idempotency key where the ESP knows such keys."""
    return idempotency_key_of((letter.message_id, letter.payload_hash) for letter in call)


def keys_of(calls: Iterable[Call]) -> dict[MessageId, str]:
    """Each message with the key of its call."""
    return {letter.message_id: key for call in calls for key in (key_of(call),) for letter in call}


def freezing(esp: Esp, letters: Sequence[Letter]) -> Freezing:
    """What a claim of these letters asks when it knows which of them were won: those go out together, and nothing else with them."""
    return lambda won: keys_of(esp.calls([letter for letter in letters if letter.message_id in won]))
