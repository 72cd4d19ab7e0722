"""Keys that make repeating safe: what a provider remembers of a call that carried one."""

from dataclasses import dataclass

from simulator.esp.calls import Reply


@dataclass(frozen=True, slots=True)
class Remembered:
    """A call that was carried out under a key. `answered_at`: until then it counts as being in progress."""

    digest: str
    reply: Reply
    at: float
    answered_at: float


class Keys:
    """What was done under each key, by provider and account."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, str, str], Remembered] = {}

    def find(self, provider: str, account: str, key: str, *, lifetime: float, now: float) -> Remembered | None:
        """What was done under a key within its lifetime, in seconds."""
        found = self._done.get((provider, account, key))
        return found if found and now - found.at < lifetime else None

    def remember(self, provider: str, account: str, key: str, done: Remembered) -> None:
        """Keep what was done."""
        self._done[provider, account, key] = done

    def clear(self) -> None:
        """Forget all keys."""
        self._done.clear()
