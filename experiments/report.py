"""The report of a send: what each arm did, and what personalising gained over the holdout."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from domain.decision import Arm
from domain.ids import RecipientId, SendId
from experiments.statistics import Difference, Interval, Proportion, SampleRatio, TooLittleData, difference, sample_ratio


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One arm: recipients handed off to, how many of them clicked at least once, and that rate with its interval."""

    arm: Arm
    handed_off: int
    clicked: int
    click_rate: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class SendReport:
    """`gain` compares the incumbent arm with the holdout: the policy proper against default content.

    The explore arm is left out of `gain`: it is what learning costs, and is reported beside it.
    """

    send_id: SendId
    arms: tuple[ArmReport, ...]
    sample_ratio: SampleRatio
    gain: Difference | TooLittleData

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        if self.sample_ratio.is_off:
            return f"no verdict: the arms are not as large as they were drawn (p = {self.sample_ratio.p_value:.2g}); find out why first"
        if isinstance(self.gain, TooLittleData):
            return f"no verdict: {self.gain}"
        gain = self.gain
        interval = f"{gain.relative:+.1%}, 95 % interval {gain.relative_interval.low:+.1%} to {gain.relative_interval.high:+.1%}"
        if not gain.is_established:
            return f"no difference shown between personalised and default content ({interval})"
        return f"personalised content was clicked {'more' if gain.absolute > 0 else 'less'} than default content ({interval})"


def count_arms(audience: pd.DataFrame, handed_off: Collection[RecipientId], clicked: Collection[RecipientId]) -> Mapping[Arm, Proportion]:
    """Clicks out of hand-offs per arm. `audience`: recipient_id, arm; clicks of those not handed off to do not count."""
    reached = audience[audience["recipient_id"].isin(handed_off) & audience["arm"].notna()]
    responded = reached["recipient_id"].isin(clicked)
    found = responded.groupby(reached["arm"].astype(str)).agg(["sum", "size"])
    return {Arm(str(arm)): Proportion(int(row["sum"]), int(row["size"])) for arm, row in found.iterrows()}


def add_up(counts: Iterable[Mapping[Arm, Proportion]]) -> Mapping[Arm, Proportion]:
    """The counts of shards, or of sends, together."""
    total: dict[Arm, Proportion] = {}
    for part in counts:
        for arm, proportion in part.items():
            total[arm] = total.get(arm, Proportion(0, 0)) + proportion
    return total


def report_send(send_id: SendId, counts: Mapping[Arm, Proportion], shares: Mapping[Arm, float]) -> SendReport:
    """The report from the counts per arm and the shares the arms were drawn with (`assignment.expected_shares`)."""
    ratio = sample_ratio({arm: counted.trials for arm, counted in counts.items()}, shares)
    empty = Proportion(0, 0)
    gain = difference(counts.get(Arm.INCUMBENT, empty), counts.get(Arm.HOLDOUT, empty))
    return SendReport(send_id, tuple(_arm(arm, counts[arm]) for arm in Arm if arm in counts), ratio, gain)


def _arm(arm: Arm, counted: Proportion) -> ArmReport:
    return ArmReport(arm, counted.trials, counted.successes, counted.rate, counted.interval())
