"""Experiments on variants: who is in which arm, for as long as the salt stays."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from domain.campaign import Experiment
from domain.hashing import keys_of, uniforms
from domain.recipient import normalised


def arm_of(addresses: Iterable[str], name: str, experiment: Experiment) -> npt.NDArray[np.int8]:
    """Each recipient's arm as its place among the experiment's arms: int8[n], −1 for who takes no part.

    A function of mailbox, name and salt alone: nobody is ever in two arms, and experiments are independent of each other, of the holdout
    and of rollouts. The arms are alike in size.
    """
    drawn = uniforms(keys_of(map(normalised, addresses)), f"experiment:{name}:{experiment.salt}")
    place = np.floor(drawn / experiment.share * len(experiment.arms)).astype(np.int64)
    return np.where(drawn < experiment.share, np.minimum(place, len(experiment.arms) - 1), -1).astype(np.int8)


def allowed(
    addresses: Sequence[str], name: str, experiment: Experiment, variants: Mapping[str, Sequence[str]]
) -> dict[str, npt.NDArray[np.bool_]]:
    """What each recipient may get: bool[n, V] for every placement that any arm narrows. `variants`: by placement, in their order."""
    arms, places = arm_of(addresses, name, experiment), list(experiment.arms.values())
    made: dict[str, npt.NDArray[np.bool_]] = {}
    for placement in dict.fromkeys(placement for choices in places for placement in choices):
        rows = np.ones((len(places) + 1, len(variants[placement])), dtype=bool)  # the last row: who takes no part
        for number, choices in enumerate(places):
            if placement in choices:
                rows[number] = [variant in choices[placement] for variant in variants[placement]]
        made[placement] = rows[arms]
    return made
