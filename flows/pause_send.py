"""Pause a send when what it stands on gives way, so that `status` can say why and `resume` can finish it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from httpx import TransportError

from domain.errors import LetterpressError, UnavailableError
from domain.ids import SendId
from domain.send import SendStatus
from runtime.clock import now
from runtime.house import House


@contextmanager
def pausing_on_failure(house: House, send_id: SendId) -> Iterator[None]:
    """Within, whatever goes wrong leaves the send PAUSED with the reason, and is raised on; Ctrl-C too, and being asked to end."""
    try:
        yield
    except BaseException as error:
        pause_send(house, send_id, error)
        raise


def pause_send(house: House, send_id: SendId, cause: BaseException) -> None:
    """RUNNING → PAUSED. When it is the database that is gone, the reason waits in a note under var/ until it is back."""
    reason = _reason(cause)
    try:
        house.sends.set_status(send_id, SendStatus.PAUSED, reason, now(), expected={SendStatus.RUNNING})
    except UnavailableError:
        note = _note(house, send_id)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(reason)


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
