"""Measure an experiment: every arm against the control, with the figures and the rules of the lift report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from domain.campaign import Experiment, Holdout
from domain.decision import Arm
from domain.errors import InputError
from experiments.lift_report import Asked, LiftReport, report
from experiments.lift_sources import Mailing, Sources
from experiments.trials import arm_of
from flows.measure_lift import MEMORY_MB, Sent, Window, mailing, period_of, sent_of
from runtime.clock import now
from runtime.house import House
from storage.setbacks import Setbacks


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment's figures: per arm but the control a report in which that arm is the treated and the control the held out."""

    campaign: str
    name: str
    control: str
    reports: dict[str, LiftReport]


def measured_trial(house: House, campaign: str, name: str, worth: float) -> Trial:
    """Over the sends since the experiment is as it is now. InputError where no send had it."""
    sent = sent_of(house, campaign)
    experiment = sent[-1].campaign.experiments.get(name) if sent else None
    if experiment is None:
        there = ", ".join(sent[-1].campaign.experiments) if sent else ""
        raise InputError(f"the last send had no experiment {name!r}", where=campaign, hint=f"there: {there or 'none'}")
    used = _since_it_is_so(sent, name, experiment)
    at = now()
    wait_until = at - timedelta(days=house.settings.labels_close_days)
    period, arms = period_of(used, Window(), wait_until), list(experiment.arms)
    setbacks, purchases = Setbacks(house.database).of([one.send.send_id for one in used]), house.lake.dataset("purchases")
    asked = Asked((used[0].send.campaign,), Holdout(share=0.5, salt=experiment.salt), period, at, wait_until, worth)
    reports = {
        arm: report(Sources([_of_pair(house, one, name, place) for one in used], purchases, setbacks), asked, memory_mb=MEMORY_MB)
        for place, arm in enumerate(arms)
        if place
    }
    return Trial(campaign, name, experiment.control, reports)


def _since_it_is_so(sent: Sequence[Sent], name: str, experiment: Experiment) -> list[Sent]:
    others = [place for place, one in enumerate(sent) if one.campaign.experiments.get(name) != experiment]
    return list(sent[others[-1] + 1 :]) if others else list(sent)


def _of_pair(house: House, one: Sent, name: str, place: int) -> Mailing:
    """A send as if it had gone to one arm and the control alone. Whoever was held out, or is erased, is in neither."""
    audience = _audience(house, one)
    drawn = audience[audience["arm"].notna() & (audience["arm"] != Arm.HOLDOUT.value) & (audience["address"].fillna("") != "")]
    arms = arm_of(drawn["address"], name, one.campaign.experiments[name])
    mine = np.isin(arms, (0, place))
    sides = np.where(arms[mine] == 0, Arm.HOLDOUT.value, Arm.INCUMBENT.value)
    pair = pa.table({"recipient_id": pa.array(drawn["recipient_id"][mine], pa.string()), "arm": pa.array(sides, pa.string())})
    return replace(mailing(house, one), audience=pair)


def _audience(house: House, one: Sent) -> pd.DataFrame:
    """recipient_id, address, arm of everybody drawn; of a day on pages those who saw something, by the address they have now."""
    if one.day is None:
        columns = ["recipient_id", "address", "arm"]
        return house.lake.dataset("audience", {"send_id": one.send.send_id}).to_table(columns=columns).to_pandas()
    drawn = one.day.drawn().to_pandas()
    return drawn.merge(house.recipients.by_ids(drawn["recipient_id"])[["recipient_id", "address"]], on="recipient_id", how="left")
