"""Find the batches that a rollout is judged by: a letter's send, and of pages all that was seen of a day's refreshes.

A site is refreshed many times a day, and whoever comes back sees several of these: one by one they would be looked at hundreds of times,
and one visitor's clicks would lie in many strata. So a day (UTC) of refreshes is to a page what a send is to a letter. Nobody is counted
who saw nothing: what was decided for them can have changed nothing about them. Seeing comes first, so the arms of those who saw are
still as they were drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from domain.campaign import Surface
from domain.ids import CampaignId, SendId
from domain.rollout import Rollout
from domain.send import Send, SendStatus
from flows.seen_days import SeenDay, seen_days
from runtime.house import House

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is looked at together. `sends`: a letter's one; of pages the refreshes of a day of which people saw something, the earliest
    first. `day`: what they saw; None of letters."""

    sends: tuple[Send, ...]
    day: SeenDay | None = None

    @property
    def batch_id(self) -> SendId:
        """The send's, or the campaign's name with the day."""
        return self.day.send.send_id if self.day else self.first.send_id

    @property
    def noun(self) -> str:
        """What it is, in a sentence."""
        return "day" if self.day else "send"

    @property
    def first(self) -> Send:
        """The send whose decisions were taken first."""
        return self.sends[0]

    @property
    def ends_at(self) -> datetime:
        """From when on nothing more is decided in it: a letter's instant, and the end of a page's day."""
        last = self.sends[-1].scheduled_at
        return datetime.combine(last.astimezone(UTC).date() + _DAY, time(), UTC) if self.day else last

    @property
    def share(self) -> float:
        """The share that was drawn for the candidate: it is the same for all of a batch."""
        return self.first.rollout_share


def is_on_pages(house: House, campaign: CampaignId) -> bool:
    """Whether what was decided last for a campaign was a refresh."""
    latest = house.sends.latest(campaign, surface=None)
    return latest is not None and latest.surface is Surface.WEB


def shadowed_batches(house: House, rollout: Rollout, at: datetime) -> list[Batch]:
    """Those that the incumbent decided alone since the rollout began, and that are over; the earliest first."""

    def alone(send: Send) -> bool:
        mine = send.as_of >= rollout.began_at and send.model_version == rollout.incumbent and not send.candidate_version
        return mine and send.status is SendStatus.FINISHED

    if is_on_pages(house, rollout.campaign):
        days = seen_days(house, rollout.campaign, _midnight_before(rollout), wanted=alone)
        return [batch for batch in _of_days(days) if batch.ends_at <= at]
    return [Batch((send,)) for send in reversed(house.sends.list(rollout.campaign)) if alone(send)]


def served_batches(house: House, rollout: Rollout) -> list[Batch]:
    """Those in which both models decided, at one share throughout; the earliest first.

    A day during which the share changed is left out, with its first and its last refreshes: part of its visitors saw the one model in
    the morning and the other in the evening, and at no share would the sizes of its arms be what was drawn. That costs one day per
    stage, and which one follows from when the step was taken, never from what came of that day. A day on which some refresh that people
    saw was decided without the candidate is left out for the same reason.
    """
    if is_on_pages(house, rollout.campaign):
        days = _of_days(seen_days(house, rollout.campaign, _midnight_before(rollout)))
        return [batch for batch in days if all(_is_served(send, rollout, batch.share) for send in batch.sends)]
    sends = reversed(house.sends.list(rollout.campaign))
    return [Batch((send,)) for send in sends if _is_served(send, rollout, send.rollout_share)]


def latest_served(house: House, rollout: Rollout) -> Send | None:
    """The latest send, or refresh, in which both models decided and of whose audience the list is still there."""
    since = _midnight_before(rollout) if is_on_pages(house, rollout.campaign) else None
    for send in house.sends.list(rollout.campaign, surface=None, since=since):
        if send.status is SendStatus.FINISHED and _is_served(send, rollout, send.rollout_share):
            return send if house.lake.exists("audience", {"send_id": send.send_id}) else None
    return None


def people_in_a_batch(house: House, rollout: Rollout) -> int:
    """How many people a batch is thought to reach: everybody by a letter; of pages as many as saw something on the day before the rollout
    began. What intervals are made for has to be known before anything is compared, so nothing later is counted."""
    everybody = max(1, house.recipients.count())
    if not is_on_pages(house, rollout.campaign):
        return everybody
    midnight = _midnight_before(rollout)
    before = seen_days(house, rollout.campaign, midnight - _DAY, wanted=lambda send: send.scheduled_at < midnight)
    return before[0].drawn().num_rows if before else everybody


def _is_served(send: Send, rollout: Rollout, share: float) -> bool:
    return send.candidate_version == rollout.candidate and 0 < send.rollout_share == share


def _of_days(days: Sequence[SeenDay]) -> list[Batch]:
    return [Batch(day.sends, day) for day in days]


def _midnight_before(rollout: Rollout) -> datetime:
    """Refreshes of the day on which it began count, but for those before; nobody schedules one for a day and opens it later."""
    return datetime.combine(rollout.began_at.astimezone(UTC).date(), time(), UTC)
