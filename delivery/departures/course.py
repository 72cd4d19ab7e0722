"""The course of a send that departs in stages: what to do next, given what was done and what time it is.

A send is cut into parties: those of one wave and one time zone, who become due at one instant. The flow keeps the figures; everything that
is decided about time and order is decided here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.departures.local_time import Hours
from delivery.departures.waves import shares_of
from domain.campaign import Campaign
from domain.send import Send


@dataclass(frozen=True, slots=True, order=True)
class Party:
    """Those of a send who are in one wave and one time zone."""

    wave: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a send's departure keeps to. `minimum`: letters without which a wave tells nothing while more of it is to come."""

    shares: tuple[float, ...]
    soak: timedelta
    minimum: int
    hours: Hours
    deadline: datetime | None

    @property
    def waves(self) -> int:
        """How many waves there are."""
        return len(self.shares)


def in_stages(campaign: Campaign) -> bool:
    """Whether a campaign's sends depart bit by bit, rather than everybody in one go."""
    departure = campaign.departure
    return campaign.waves is not None or departure.local_time is not None or departure.warm_up is not None


def rules_of(send: Send, campaign: Campaign) -> Rules:
    """The rules of a send."""
    return Rules(
        shares=shares_of(campaign.waves),
        soak=timedelta(minutes=campaign.waves.soak_minutes if campaign.waves else 0),
        minimum=campaign.waves.gates.minimum if campaign.waves else 1,
        hours=Hours(send.scheduled_at, campaign.departure.local_time, campaign.quiet_hours),
        deadline=deadline_of(send, campaign),
    )


def deadline_of(send: Send, campaign: Campaign) -> datetime | None:
    """The instant from which on nothing of the send leaves any more."""
    hours = campaign.departure.deadline_hours
    return send.scheduled_at + timedelta(hours=hours) if hours is not None else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a send has come. `opened`: waves open so far; `finished_at`: when the last of them was finished, if it was.

    `letters` of each party, and those `left` of it: not settled before, and not tried by this run. `capped_until`: the warm-up
    lets nobody leave before then.
    """

    opened: int
    finished_at: datetime | None
    letters: Mapping[Party, int]
    left: Mapping[Party, int]
    capped_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Depart:
    """Hand off what is due now in the first `waves` waves."""

    waves: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OpenWave:
    """Let the next wave leave, if the gates hold."""

    wave: int


@dataclass(frozen=True, slots=True)
class FinishWave:
    """All of a wave that was due is out: its soak begins."""

    wave: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before then. `what` completes `waiting for …`."""

    until: datetime
    what: str

    def __str__(self) -> str:
        return f"waiting for {self.what} until {self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The deadline has passed: who is left is left out."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Everybody's turn has come."""


Step = Depart | OpenWave | FinishWave | Wait | GiveUp | Arrived


def next_step(rules: Rules, standing: Standing, now: datetime) -> Step:
    """What to do now."""
    if rules.deadline and now >= rules.deadline:
        return GiveUp()
    capped = standing.capped_until is not None and now < standing.capped_until
    if not capped and any(at <= now for _, at in _open_parties(rules, standing, now)):
        return Depart(standing.opened, now)
    return _next_wave(rules, standing, now) or min(_occasions(rules, standing, now), key=lambda wait: wait.until)


def _next_wave(rules: Rules, standing: Standing, now: datetime) -> Step | None:
    """What to do about waves; None if all there is to do is to wait."""
    if standing.opened and standing.finished_at is None:
        return FinishWave(standing.opened) if _is_over(rules, standing, now) else None
    if standing.opened == rules.waves:
        return None if any(standing.left.values()) else Arrived()
    if standing.finished_at is None or now >= standing.finished_at + rules.soak:
        return OpenWave(standing.opened + 1)
    return None


def _is_over(rules: Rules, standing: Standing, now: datetime) -> bool:
    """Whether the last wave that was opened is done with: nothing of it is due any more, and enough of it is out to tell by, or all."""
    wave = standing.opened
    left = sum(left for party, left in standing.left.items() if party.wave == wave)
    if not left:
        return True
    out = sum(letters for party, letters in standing.letters.items() if party.wave == wave) - left
    due = any(party.wave == wave and at <= now for party, at in _open_parties(rules, standing, now))
    return wave < rules.waves and not due and out >= rules.minimum


def _occasions(rules: Rules, standing: Standing, now: datetime) -> Iterator[Wait]:
    """What may be worth waiting for."""
    for party, at in _open_parties(rules, standing, now):
        if at > now:
            why = "local time" if at == rules.hours.due_at(party.time_zone) else "the end of quiet hours"
            yield Wait(at, f"{why} in {party.time_zone}")
        elif standing.capped_until:
            yield Wait(standing.capped_until, "the next day of the warm-up")
    if standing.finished_at is not None and standing.opened < rules.waves:
        yield Wait(standing.finished_at + rules.soak, f"wave {standing.opened + 1} (soak)")
    if rules.deadline:
        yield Wait(rules.deadline, "the deadline")


def _open_parties(rules: Rules, standing: Standing, now: datetime) -> Iterator[tuple[Party, datetime]]:
    """The parties of open waves of which somebody is left, and when they may leave."""
    for party, left in standing.left.items():
        if left and party.wave <= standing.opened:
            yield party, rules.hours.leaves_at(party.time_zone, now)


def leaves_now(party: Party, rules: Rules, step: Depart) -> bool:
    """Whether a party is among those that depart."""
    return party.wave <= step.waves and rules.hours.leaves_at(party.time_zone, step.at) <= step.at
