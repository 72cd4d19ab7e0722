"""What the gates of a send are judged by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GateCounts:
    """Letters of a send, each counted once per field. Machines' events do not count.

    `handed_off`: the ESP has answered, with yes or no. `bounced`: bounced or was dropped later, or was refused by the ESP for good at once.
    `failed`: could not be printed, and so is no part of `handed_off`.
    """

    handed_off: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    failed: int = 0
