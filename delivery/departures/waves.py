"""Which wave a recipient is in: by salted hash, so each wave is a fair sample and a larger first wave holds the smaller one."""

from bisect import bisect_right

from domain.departure import Waves
from domain.hashing import uniform
from domain.ids import RecipientId, SendId

EVERYBODY = (1.0,)


def shares_of(waves: Waves | None) -> tuple[float, ...]:
    """The share of the audience that is written to by the end of each wave; the last is 1."""
    return waves.shares if waves else EVERYBODY


def wave_of(recipient_id: RecipientId, send_id: SendId, shares: tuple[float, ...]) -> int:
    """The recipient's wave (1, 2, …) in a send. Does not depend on who else is in the audience, nor on shards."""
    if len(shares) == 1:
        return 1
    return 1 + bisect_right(shares[:-1], uniform(recipient_id, f"wave|{send_id}"))
