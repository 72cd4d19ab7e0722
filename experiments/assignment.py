"""Assignment of an audience to arms, by salted hash: never by list order, shard or time (DESIGN §6.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.campaign import Holdout
from domain.decision import Arm
from domain.hashing import keys_of, uniforms
from domain.ids import RecipientId, SendId
from domain.recipient import normalised


@dataclass(frozen=True, slots=True)
class Draw:
    """Who a candidate decides for: the recipients whose hash with the salt is below the share. A share that grows keeps them all."""

    salt: str
    share: float


NOBODY = Draw("", 0.0)


def in_holdout(addresses: Iterable[str], holdout: Holdout) -> npt.NDArray[np.bool_]:
    """Who is in the holdout: bool[n]. A function of mailbox and salt alone, so it holds over sends and campaigns that
    share a salt, and over imports that number recipients anew. A share that grows keeps everyone who was in it."""
    return uniforms(keys_of(map(normalised, addresses)), f"holdout:{holdout.salt}") < holdout.share


def in_explore(recipient_ids: Iterable[RecipientId], send_id: SendId, share: float) -> npt.NDArray[np.bool_]:
    """Who would explore in this send: bool[n]. Drawn anew for each send, independent of the holdout."""
    return uniforms(keys_of(recipient_ids), f"explore:{send_id}") < share


def in_rollout(addresses: Iterable[str], rollout: Draw) -> npt.NDArray[np.bool_]:
    """Whose model is the candidate: bool[n]. By mailbox as the holdout, independent of it and of who explores; sticky over sends."""
    return uniforms(keys_of(map(normalised, addresses)), f"rollout:{rollout.salt}") < rollout.share


def arms(
    recipient_ids: Iterable[RecipientId],
    addresses: Iterable[str],
    *,
    send_id: SendId,
    holdout: Holdout,
    explore: float,
    rollout: Draw = NOBODY,
) -> npt.NDArray[np.str_]:
    """Each recipient's arm in a send: str[n], one of holdout, explore, candidate, incumbent.

    The holdout comes first; `explore` is a share of those outside it, so P(explore) = (1 − holdout) · explore; the rollout's draw
    then parts the others between the two models.
    """
    mailboxes: Sequence[str] = list(addresses)
    kept_out, exploring = in_holdout(mailboxes, holdout), in_explore(recipient_ids, send_id, explore)
    modelled = np.where(in_rollout(mailboxes, rollout), Arm.CANDIDATE.value, Arm.INCUMBENT.value)
    return np.where(kept_out, Arm.HOLDOUT.value, np.where(exploring, Arm.EXPLORE.value, modelled))


def by_candidate(addresses: Iterable[str], arm: Iterable[object], rollout: Draw) -> npt.NDArray[np.bool_]:
    """For whom the candidate decides: bool[n]. Its arm, and of those who explore the ones whom it would decide for else: what is logged
    for them is the probability under a mixture of which that model's policy is a part."""
    modelled = np.array([one in (Arm.CANDIDATE, Arm.EXPLORE) for one in arm], dtype=bool)
    return np.asarray(in_rollout(addresses, rollout) & modelled, dtype=bool)


def expected_shares(holdout: Holdout, explore: float, candidate: float = 0.0) -> dict[Arm, float]:
    """The share of an audience that `arms` puts into each arm, in expectation. `candidate` is the rollout's share."""
    rest = 1.0 - holdout.share
    modelled = rest * (1.0 - explore)
    shares = {Arm.HOLDOUT: holdout.share, Arm.INCUMBENT: modelled * (1.0 - candidate), Arm.EXPLORE: rest * explore}
    return shares | ({Arm.CANDIDATE: modelled * candidate} if candidate else {})
