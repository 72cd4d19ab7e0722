"""Why a hand-off ends before its letters do. In each case everything that was on its way has been settled."""

from domain.errors import FinalError, LetterpressError, UnavailableError
from domain.send import SendStatus


class SendStopped(LetterpressError):  # noqa: N818 - not a mistake
    """Somebody paused or cancelled the send: no mistake, but nothing more goes out."""

    exit_code = 0

    def __init__(self, status: SendStatus) -> None:
        self.status = status
        super().__init__(f"the send was {status.value}")

    def __reduce__(self) -> tuple[object, ...]:
        return SendStopped, (self.status,)


class TimeIsUp(LetterpressError):  # noqa: N818 - not a mistake
    """The deadline of the send has passed, or the day whose letters were counted out: what is left waits for another turn, or for none."""

    exit_code = 0


class EspUnavailable(UnavailableError):  # noqa: N818 - says all
    """The ESP takes nothing at present. What it did not take is PENDING: pause the send and resume it later."""


class EspFault(FinalError):  # noqa: N818 - says all
    """An adapter broke in a way it does not know. Letters it had not answered for are UNKNOWN."""
