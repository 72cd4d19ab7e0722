"""Measure the lift: which sends, which weeks, and the report over what is in the lake and the database by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.campaign import Campaign, Holdout, Surface
from domain.errors import InputError
from domain.ids import CampaignId
from domain.send import Send, SendStatus
from experiments.lift_report import Asked, LiftReport, report
from experiments.lift_sources import WEEK, Mailing, Period, Sources
from flows.seen_days import SeenDay, seen_days
from runtime.clock import now
from runtime.house import House
from storage.setbacks import Setbacks

MEMORY_MB = 800  # a million recipients and thirteen letters fit into 500


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when somebody wants to know; None for as early, or as late, as can be said. Ends at whole weeks."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A send whose audience is frozen, and its campaign as it was then. `day`: of pages, where a day stands for a send."""

    send: Send
    campaign: Campaign
    day: SeenDay | None = None


def measured_lift(house: House, campaign: str | None, window: Window, worth: float) -> LiftReport:
    """The report of a campaign, or of all of them where they share a holdout. Attributes and collects nothing: flows do that.

    InputError for campaigns whose holdouts differ, an unknown campaign, or a period that ends before it begins.
    """
    at, settings = now(), house.settings
    sent = sent_of(house, campaign)
    if not sent:
        raise InputError("nothing was sent yet", where=campaign, hint="letterpress send CAMPAIGN")
    holdout, used, notes = _of_one_holdout(sent)
    wait_until = at - timedelta(days=settings.labels_close_days)
    period = period_of(used, window, wait_until)
    used = [one for one in used if one.send.scheduled_at < max(period.until, period.since + WEEK)]
    names = tuple(sorted({one.send.campaign for one in used}))
    asked = Asked(names, holdout, period, at, wait_until, worth, tuple(notes))
    return report(_sources(house, used), asked, memory_mb=max(settings.feature_memory_mb, MEMORY_MB))


def sent_of(house: House, campaign: str | None) -> list[Sent]:
    """Every send whose audience is frozen, the earliest first. One that was cancelled counts: it was drawn for both sides alike. Of a
    campaign on pages, every day on which people saw something; without a campaign, letters alone."""
    name = house.campaign_folder(campaign)[0] if campaign else None
    if name and (latest := house.sends.latest(name, surface=None)) and latest.surface is Surface.WEB:
        return [Sent(day.send, day.content.campaign, day) for day in seen_days(house, name)]
    sends = [send for send in house.sends.list(name) if send.status is not SendStatus.PLANNED]
    frozen = [send for send in sends if house.lake.exists("audience", {"send_id": send.send_id})]
    return [Sent(send, house.contents.load(send.content_version).campaign) for send in reversed(frozen)]


def _of_one_holdout(sent: Sequence[Sent]) -> tuple[Holdout, list[Sent], list[str]]:
    """The latest holdout, and the sends since it is as it is."""
    latest: dict[CampaignId, Holdout] = {one.send.campaign: one.campaign.holdout for one in sent}
    if len(set(latest.values())) > 1:
        told = ", ".join(f"{name} (salt {found.salt}, {found.share:.0%}, mail {found.mail})" for name, found in sorted(latest.items()))
        raise InputError(f"campaigns have different holdouts: {told}", hint="ask for one of them: letterpress lift CAMPAIGN")
    [holdout] = set(latest.values())
    others = [place for place, one in enumerate(sent) if one.campaign.holdout != holdout]
    if not others:
        return holdout, list(sent), []
    used = list(sent[others[-1] + 1 :])
    told = f"the holdout is as it is since {used[0].send.scheduled_at:%Y-%m-%d}; {len(sent) - len(used)} earlier sends are left out"
    return holdout, used, [told]


def period_of(used: Sequence[Sent], window: Window, wait_until: datetime) -> Period:
    """Whole weeks of which everything has come in."""
    first = used[0].send.scheduled_at
    since = max(window.since, first) if window.since else first
    until = min(window.until, wait_until) if window.until else wait_until
    if window.since and window.until and window.until <= window.since:
        raise InputError("the period ends before it begins", where="--until")
    return Period(since, max((until - since) // WEEK, 0))


def _sources(house: House, used: Sequence[Sent]) -> Sources:
    mailings = [mailing(house, one) for one in used]
    return Sources(mailings, house.lake.dataset("purchases"), Setbacks(house.database).of([one.send_id for one in mailings]))


def mailing(house: House, one: Sent) -> Mailing:
    """A send as the report takes it."""
    send, partition = one.send, {"send_id": one.send.send_id}
    window = timedelta(days=one.campaign.attribution.click_days)
    if one.day:  # whoever saw something was exposed, whatever it was: seeing comes before what is seen can change anything
        return Mailing(send.send_id, send.campaign, send.scheduled_at, window, one.day.drawn(), one.day.outcomes)
    audience, outcomes = house.lake.dataset("audience", partition), house.lake.dataset("outcomes", partition)
    return Mailing(send.send_id, send.campaign, send.scheduled_at, window, audience, outcomes)
