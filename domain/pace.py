"""How fast letters may leave for one account: what is agreed, what is granted, and the numbers of the arithmetic.

`delivery/pace.py` does the arithmetic within a process, `storage/pace.py` the same in Redis for many; a test holds them to each other.
"""

from dataclasses import dataclass

DECREASE = 0.7  # what is left of the rate after a throttling; 0.5 (TCP Reno) idles a quarter of the line, 0.7 (RFC 9438 §4.6) a sixth
RAMP = 20.0  # seconds of flow in which the best throughput seen is gained back
HOLD = 1.0  # seconds in which further throttlings say nothing new: they answer what had left before
STEEPEST = 4.0  # seconds in which the rate may grow by itself at most, however much more there once was
PAST = 90.0  # seconds: time constant in which the best throughput seen fades, because limits change; not so fast that a storm wipes it out
MEMORY = 5.0  # seconds: time constant of the throughput that is observed
LEAST_AGE = 1.0  # seconds below which a throughput is not told apart from a burst
IDLE = 20.0  # seconds without any question after which throughput is observed anew
UNSEEN = 10.0  # messages per second to slow down from when nothing was observed
FLOOR = 0.5  # messages per second that are always tried, or a tenth of the ceiling if that is less
FORGOTTEN = 3_600  # seconds after which an account that nobody asks about starts anew
LONGEST_WAIT = 3_600.0  # seconds for which an ESP's wish to wait is heeded at most


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an account allows. `ceiling`: units per second, None if nobody knows; `span`: how many seconds' worth may leave at once.

    `adapts`: whether throttling slows it down (an account's rate) or is none of its business (a campaign's own limit). Units are
    letters, or calls where an ESP counts those.
    """

    ceiling: float | None = None
    span: float = 0.25
    adapts: bool = True


@dataclass(frozen=True, slots=True)
class Leave:
    """How many may go now, their tokens being taken; if none, ask again after `wait` seconds."""

    messages: int
    wait: float = 0.0
