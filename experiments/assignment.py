"""Assignment of an audience to arms, by salted hash: never by list order, shard or time (DESIGN §6.4)."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from domain.campaign import Holdout
from domain.decision import Arm
from domain.hashing import keys_of, uniforms
from domain.ids import RecipientId, SendId
from domain.recipient import normalised


def in_holdout(addresses: Iterable[str], holdout: Holdout) -> npt.NDArray[np.bool_]:
    """Who is in the holdout: bool[n]. A function of mailbox and salt alone, so it holds over sends and campaigns that
    share a salt, and over imports that number recipients anew. A share that grows keeps everyone who was in it."""
    return uniforms(keys_of(map(normalised, addresses)), f"holdout:{holdout.salt}") < holdout.share


def in_explore(recipient_ids: Iterable[RecipientId], send_id: SendId, share: float) -> npt.NDArray[np.bool_]:
    """Who would explore in this send: bool[n]. Drawn anew for each send, independent of the holdout."""
    return uniforms(keys_of(recipient_ids), f"explore:{send_id}") < share


def arms(
    recipient_ids: Iterable[RecipientId], addresses: Iterable[str], *, send_id: SendId, holdout: Holdout, explore: float
) -> npt.NDArray[np.str_]:
    """Each recipient's arm in a send: str[n], one of holdout, explore, incumbent.

    The holdout comes first; `explore` is a share of those outside it, so P(explore) = (1 − holdout) · explore.
    """
    kept_out, exploring = in_holdout(addresses, holdout), in_explore(recipient_ids, send_id, explore)
    return np.where(kept_out, Arm.HOLDOUT.value, np.where(exploring, Arm.EXPLORE.value, Arm.INCUMBENT.value))


def expected_shares(holdout: Holdout, explore: float) -> dict[Arm, float]:
    """The share of an audience that `arms` puts into each arm, in expectation."""
    rest = 1.0 - holdout.share
    return {Arm.HOLDOUT: holdout.share, Arm.INCUMBENT: rest * (1.0 - explore), Arm.EXPLORE: rest * explore}
