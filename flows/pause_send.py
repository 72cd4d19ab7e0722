"""Pause a send when what it stands on gives way, so that `status` can say why and `resume` can finish it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from httpx import TransportError

from domain.audit import AuditEntry, Deed
from domain.errors import LetterpressError, UnavailableError
from domain.ids import SendId
from domain.send import SendStatus
from runtime.clock import now
from runtime.house import House

BY_ITSELF = "letterpress"
BY_PREFECT = "prefect"  # somebody at its UI, or a program of theirs: it does not say who
_PAUSING = {Deed.PAUSED, Deed.GATE_TRIPPED}


@contextmanager
def pausing_on_failure(house: House, send_id: SendId) -> Iterator[None]:
    """Within, whatever goes wrong leaves the send PAUSED with the reason, and is raised on; Ctrl-C too, and being asked to end."""
    try:
        yield
    except BaseException as error:
        pause_send(house, send_id, error)
        raise


def pause_send(house: House, send_id: SendId, cause: BaseException) -> None:
    """Pause it, unless somebody has stopped it already. When it is the database that is gone, the reason waits in a note under var/."""
    reason = _reason(cause)
    try:
        pause(house, send_id, reason)
    except UnavailableError:
        note = _note(house, send_id)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(reason)


def pause(house: House, send_id: SendId, reason: str) -> None:
    """RUNNING → PAUSED by itself, with the reason in the audit trail."""
    if house.sends.set_status(send_id, SendStatus.PAUSED, reason, now(), expected={SendStatus.RUNNING}):
        house.audit.add(AuditEntry(now(), BY_ITSELF, Deed.PAUSED, send_id, reason))


def note_resumption(house: House, send_id: SendId, before: SendStatus) -> None:
    """Write down that a paused send goes on, unless the command line has written down who resumed it."""
    if before is SendStatus.PAUSED:
        deeds = [entry.what for entry in house.audit.of(send_id) if entry.what in _PAUSING | {Deed.RESUMED}]
        if deeds[-1:] != [Deed.RESUMED]:
            house.audit.add(AuditEntry(now(), BY_PREFECT, Deed.RESUMED, send_id))


def _reason(cause: BaseException) -> str:
    if isinstance(cause, LetterpressError):
        return str(cause)
    if isinstance(cause, KeyboardInterrupt):
        return "stopped by Ctrl-C"
    if isinstance(cause, TransportError):
        return "Prefect's server does not answer"
    return f"a fault of Letterpress: {type(cause).__name__}" if isinstance(cause, Exception) else "its process was asked to end"


def noted_reason(house: House, send_id: SendId) -> str | None:
    """Why the send stopped, if that could not be written into the database."""
    with suppress(FileNotFoundError):
        return _note(house, send_id).read_text()
    return None


def forget_note(house: House, send_id: SendId) -> None:
    """The send goes on: the note has done its work."""
    _note(house, send_id).unlink(missing_ok=True)


def _note(house: House, send_id: SendId) -> Path:
    return house.settings.var / "paused" / f"{send_id}.txt"
