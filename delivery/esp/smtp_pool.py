"""Connections to one relay, kept while they are idle. As many exist as threads hand off at once."""

import threading

from delivery.esp.smtp_relay import Relay
from delivery.esp.smtp_session import Session


class Pool:
    """Lends a connection to one thread at a time; the one used last is lent first."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self._idle: list[Session] = []
        self._lock = threading.Lock()

    def take(self) -> Session:
        """An idle connection, else a new one. Raises UnavailableError or InputError like `connect`."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self.fresh()

    def fresh(self) -> Session:
        """A new connection."""
        return Session(self.relay)

    def give(self, session: Session) -> None:
        """Take a connection back; worn ones are closed."""
        if session.worn:
            session.quit()
            return
        with self._lock:
            self._idle.append(session)

    def close(self) -> None:
        """Take leave on all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.quit()
