"""Split an audience by the model that decides for each recipient: the incumbent, or the candidate of a rollout.

The draw says whose model the candidate is to be; what holds for a shard from then on is whose features were served to it.
"""

import pandas as pd

from domain.rollout import RolloutState
from domain.send import Send
from experiments.assignment import Draw, by_candidate
from runtime.house import House


def split_by_model(house: House, send: Send, audience: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The part of an audience for the incumbent, and that for the candidate, which is empty once that was rolled back."""
    if not send.candidate_version or has_gone_back(house, send):
        return audience, audience.iloc[:0]
    drawn = by_candidate(audience["address"], audience["arm"].fillna(""), Draw(send.rollout_salt, send.rollout_share))
    return audience[~drawn], audience[drawn]


def has_gone_back(house: House, send: Send) -> bool:
    """Whether the candidate of a send was rolled back."""
    if not send.candidate_version:
        return False
    rollout = house.rollouts.get(send.campaign, send.candidate_version)
    return rollout is not None and rollout.state is RolloutState.ROLLED_BACK
