"""Freeze the audience of a shard, of letters and of pages alike: each one's arm, and the file that the stages after it read."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from audience.counts import AudienceCounts, counts_to_keep
from domain.campaign import Campaign
from domain.decision import Arm
from domain.send import Send
from experiments.assignment import Draw, arms
from flows.run_stage import shard_name
from runtime.clock import now
from runtime.house import House


def drawn_arms(send: Send, campaign: Campaign, audience: pd.DataFrame) -> npt.NDArray[np.str_]:
    """The arm of each recipient of the audience: str[n]. A mailbox is in the same one in letters and on pages that share a salt."""
    return arms(
        audience["recipient_id"],
        audience["address"],
        send_id=send.send_id,
        holdout=campaign.holdout,
        explore=campaign.policy.explore,
        rollout=Draw(send.rollout_salt, send.rollout_share),
    )


def freeze_audience(house: House, send: Send, campaign: Campaign, shard: int, *, audience: pd.DataFrame, counts: AudienceCounts) -> None:
    """Write the shard's audience, put down who of it is held out, and count the stage as done."""
    house.lake.write("audience", audience, partition={"send_id": send.send_id}, name=shard_name(shard))
    held_out = audience.loc[audience["arm"] == Arm.HOLDOUT.value, "recipient_id"]
    house.holdouts.record_members(campaign.holdout.salt, held_out, now())
    house.sends.finish_shard(send.send_id, shard, "audience", counts_to_keep(counts), now())
