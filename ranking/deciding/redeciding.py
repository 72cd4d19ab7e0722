"""Deciding again within a session: the same model and policy on the same recipients, with what they do at this moment among the features.

What was settled when the placements were refreshed stays: arms, what each recipient may be shown, prices. Only scores and the draw are new.
The draw has noise of its own, so that its propensities are exact given all that was known, what was shown before included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.content import Content
from domain.decision import Arm
from domain.ids import PlacementId, SendId
from domain.send import Send
from ranking.deciding.candidates import candidates_of
from ranking.deciding.choice_sets import ChoiceSet, ChoiceSets
from ranking.deciding.decide import Prices, decide
from ranking.features.sessions import Sessions, with_sessions
from ranking.layout import FeatureFrame, Floats
from ranking.model import RankingModel
from ranking.policies.propensities import Eligible
from ranking.scoring.scorer import score

Arms = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Decider:
    """What decides for all recipients of a refresh. `live` bool[V] by placement: what may still be shown by now."""

    send: Send
    content: Content
    model: RankingModel
    prices: Prices
    live: dict[PlacementId, npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Visitors:
    """n recipients as their placements were refreshed: features as served, arms, and bool[n, V] by placement what they may be shown."""

    features: FeatureFrame
    arm: Arms
    eligible: Mapping[PlacementId, Eligible]

    def take(self, rows: npt.NDArray[np.int64]) -> "Visitors":
        """The given rows, in that order."""
        return Visitors(self.features.take(rows), self.arm[rows], {name: mask[rows] for name, mask in self.eligible.items()})


def redecide(decider: Decider, visitors: Visitors, sessions: Sessions, send_id: SendId, at: Sequence[datetime]) -> pd.DataFrame:
    """Decisions (a frame with the columns of the lake's `decisions`) under `send_id`, each as of its recipient's own instant `at`.

    The holdout is not decided for: it keeps its default.
    """
    rows = np.flatnonzero(visitors.arm != Arm.HOLDOUT).astype(np.int64)
    if not len(rows):
        return pd.DataFrame()
    own, features = visitors.take(rows), with_sessions(visitors.features, sessions).take(rows)
    latest = max(at)
    sets = session_choice_sets(decider, own, features, latest)
    recipients = pd.DataFrame({"recipient_id": own.features.recipient_id, "arm": own.arm})
    send = replace(decider.send, send_id=send_id, as_of=latest)
    decided = decide(recipients, sets, content=decider.content, model=decider.model, send=send, prices=decider.prices)
    moments = pd.Series(pd.DatetimeIndex([at[row] for row in rows.tolist()]).as_unit("us"), index=own.features.recipient_id)
    when = decided["recipient_id"].map(moments)
    return decided.assign(decided_at=when, received_at=when)


def session_choice_sets(decider: Decider, visitors: Visitors, features: FeatureFrame, at: datetime) -> ChoiceSets:
    """What may be drawn for each, and what the model says of it with these features."""
    placements = decider.content.campaign.placements
    return ChoiceSets(tuple(_choice_set(decider, visitors, features, at, number) for number in range(len(placements))), True, None)


def _choice_set(decider: Decider, visitors: Visitors, features: FeatureFrame, at: datetime, number: int) -> ChoiceSet:
    placement = decider.content.campaign.placements[number]
    name = placement.placement
    candidates = candidates_of(decider.content, placement, {name: visitors.eligible[name] & decider.live[name]}, at)
    rates = score(decider.model, features, candidates.variants, at)
    nothing = np.zeros(rates.shape, bool)
    return ChoiceSet(candidates, rates, nothing, nothing)


def is_worth_it(sessions: Sessions, told: Floats, loud: npt.NDArray[np.bool_], threshold: float) -> npt.NDArray[np.bool_]:
    """Whose decisions are to be made again, bool[n]: who said what they want (`loud`), who has just come (`told` float32[n, K] is missing),
    and whose interest in any category has moved by more than the threshold since the decision that they have."""
    moved = np.abs(sessions.cross("session_interest") - told)
    if not moved.shape[1]:
        return loud
    return np.asarray(loud | np.isnan(told).any(axis=1) | (moved > threshold).any(axis=1))
