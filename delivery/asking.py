"""Handing one batch to an ESP, in a thread: whatever the adapter does, every letter has an answer afterwards."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from delivery.answers import Answer, Unknown
from delivery.esp.port import Esp
from domain.ids import MessageId
from domain.message import Letter

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Landing:
    """An answer for each letter of a batch, in its order; and the type and place of the fault if the adapter broke."""

    answers: tuple[Answer, ...]
    fault: str | None


def ask(esp: Esp, letters: Sequence[Letter]) -> Landing:
    """Hand a batch over. Never raises: what was answered before a fault counts, the rest is Unknown."""
    answered: dict[MessageId, Answer] = {}
    fault = None
    try:
        answered.update((answer.message_id, answer) for answer in esp.hand_off(letters))
    except Exception as error:
        fault = _place_of(error)
        _log.error("the adapter of %s broke: %s", esp.name, fault)  # without the exception's text: it may hold an address
    missing = "the adapter broke before it answered" if fault else "the ESP's answer did not mention it"
    return Landing(tuple(answered.get(letter.message_id) or Unknown(letter.message_id, missing) for letter in letters), fault)


def _place_of(error: Exception) -> str:
    """Type and place of an unexpected exception."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return type(error).__name__ + where
