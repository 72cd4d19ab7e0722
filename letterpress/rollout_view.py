"""A rollout as people and programs see it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from domain.ids import CampaignId
from domain.rollout import ENDED, Look, Rollout, RolloutState
from flows.campaign_of import campaign_of
from flows.find_batches import is_on_pages, served_batches, shadowed_batches
from flows.gather_evidence import matures_at
from runtime.clock import now
from runtime.house import House

_SHOWN = 10  # looks


@dataclass(frozen=True, slots=True)
class RolloutView:
    """The campaign's latest rollout, None where there was none; its looks, the latest first; and what it waits for now."""

    campaign: CampaignId
    rollout: Rollout | None
    looks: tuple[Look, ...]
    waits_for: tuple[str, ...]


def view_of(house: House, campaign: CampaignId) -> RolloutView:
    """How the campaign's rollout stands; the last one where none goes on."""
    every = house.rollouts.list(campaign)
    rollout = next((one for one in every if one.state not in ENDED), every[0] if every else None)
    looks = tuple(reversed(house.rollouts.looks(rollout))) if rollout else ()
    return RolloutView(campaign, rollout, looks, tuple(_waits_for(house, rollout, looks)) if rollout else ())


def _waits_for(house: House, rollout: Rollout, looks: Sequence[Look]) -> Iterator[str]:
    """What has to happen before it moves."""
    if rollout.state in ENDED:
        return
    if rollout.state is RolloutState.HELD:
        yield "somebody to advance it: it is held"
        return
    if looks and looks[0].stage == rollout.stage and looks[0].at >= rollout.stage_since:
        yield from looks[0].reasons
    yield _next_news(house, rollout)


def _next_news(house: House, rollout: Rollout) -> str:
    """The send, or day of pages, that will tell more next, and when."""
    noun = "day of pages" if is_on_pages(house, rollout.campaign) else "send"
    if rollout.stage is None:
        batches = shadowed_batches(house, rollout, now())
        return f"the clicks of {batches[-1].batch_id} to be looked at" if batches else f"the next {noun}, in whose shadow it decides"
    seen = {batch_id for look in house.rollouts.looks(rollout) for batch_id in look.sends}
    unseen = [batch for batch in served_batches(house, rollout) if batch.batch_id not in seen]
    if not unseen:
        return f"the next {noun}"
    campaign = campaign_of(house, rollout.campaign)
    when: datetime | None = matures_at(house, unseen[0], campaign) if campaign else None
    return f"the outcomes of {unseen[0].batch_id}" + (f", which are in on {when:%Y-%m-%d %H:%M} UTC" if when else "")


def view(found: RolloutView) -> Group | str:
    """For people."""
    rollout = found.rollout
    if rollout is None:
        return f"there was no rollout of {found.campaign} yet: retraining begins one where campaign.yaml says `rollout:`"
    stages = ", ".join(f"{share:.0%}" for share in rollout.stages)
    head = f"{rollout.campaign}: {rollout.candidate} beside {rollout.incumbent}: {rollout.state}"
    head += f", decides for {rollout.share:.0%} of the recipients outside the holdout" if rollout.share else ""
    lines = [head, f"since {rollout.stage_since:%Y-%m-%d %H:%M} UTC; begun {rollout.began_at:%Y-%m-%d %H:%M}; stages {stages}"]
    lines += [rollout.reason] if rollout.reason else []
    lines += ["what its last step entails is not finished: the next run of advance-rollout goes on with it"] if not rollout.settled else []
    lines += [f"waits for: {one}" for one in found.waits_for]
    return Group(*map(Text, lines), *([_looks(found.looks[:_SHOWN])] if found.looks else []))


def _looks(looks: Sequence[Look]) -> Table:
    rows = Table(Column("look (UTC)", no_wrap=True), "stage", "verdict", "who", Column("because", overflow="fold"))
    for look in looks:
        stage = "shadow" if look.stage is None else str(look.stage + 1)
        rows.add_row(f"{look.at:%Y-%m-%d %H:%M}", stage, look.verdict.value, Text(look.who), Text("; ".join(look.reasons)))
    return rows
