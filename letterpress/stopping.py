"""When a command that goes on by itself ends: when it is asked to, or when nothing came for a while."""

import signal
import time


class Stop:
    """Takes SIGTERM and SIGINT from where it is made on, which must be the main thread. `until_idle`: seconds; None: for good."""

    def __init__(self, until_idle: float | None) -> None:
        self._asked, self._patience = False, until_idle
        self._seen, self._since = -1, time.monotonic()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._ask)

    def go_on(self, count: int) -> bool:
        """Whether to take more, after so many of them."""
        if count != self._seen:
            self._seen, self._since = count, time.monotonic()
        idle = self._patience is not None and time.monotonic() - self._since > self._patience
        return not (self._asked or idle)

    def _ask(self, _signal: int, _frame: object) -> None:
        self._asked = True
