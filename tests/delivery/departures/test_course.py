"""The course of a send, played through on a clock of its own."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from delivery.departures.course import (
    Arrived,
    Depart,
    FinishWave,
    GiveUp,
    OpenWave,
    Party,
    Rules,
    Standing,
    Wait,
    leaves_now,
    next_step,
)
from delivery.departures.local_time import Hours
from domain.departure import QuietHours

AT = datetime(2026, 11, 22, 22, tzinfo=UTC)
ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York")
HOUR = timedelta(hours=1)
RULES = Rules((0.1, 0.5, 1.0), HOUR, 100, Hours(AT), None)


@dataclass
class Play:
    """A send played through: when which letters left, and what was done when."""

    rules: Rules
    letters: dict[Party, int]
    per_day: int | None = None
    now: datetime = AT
    waves: list[datetime | None] = field(default_factory=list)
    left: dict[Party, int] = field(default_factory=dict)
    departures: list[tuple[datetime, Party, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def run(self) -> Arrived | GiveUp:
        """Take every step; AssertionError if it never ends."""
        self.left = dict(self.letters)
        capped: datetime | None = None
        for _ in range(10_000):
            step = next_step(
                self.rules, Standing(len(self.waves), self.waves[-1] if self.waves else None, self.letters, self.left, capped), self.now
            )
            match step:
                case OpenWave(wave):
                    assert wave == len(self.waves) + 1
                    self.waves.append(None)
                    self.said.append(f"open {wave} at {self.hours:g}")
                case FinishWave(wave):
                    assert wave == len(self.waves)
                    self.waves[-1] = self.now
                case Depart():
                    capped = self.depart(step)
                case Wait(until):
                    assert until > self.now, step
                    self.said.append(str(step))
                    self.now = until
                case _:
                    return step
        raise AssertionError("it goes on forever")

    def depart(self, step: Depart) -> datetime | None:
        """Let go whom the day allows; midnight when nobody more may leave before."""
        allowance = None if self.per_day is None else self.per_day - sum(n for at, _, n in self.departures if at.date() == self.now.date())
        midnight = datetime.combine(self.now.date() + timedelta(days=1), time(), tzinfo=UTC)
        for party in [party for party, left in self.left.items() if left and leaves_now(party, self.rules, step)]:
            going = self.left[party] if allowance is None else min(allowance, self.left[party])
            self.left[party] -= going
            self.departures.append((self.now, party, going))
            allowance = allowance if allowance is None else allowance - going
        return midnight if allowance == 0 else None

    @property
    def hours(self) -> float:
        """Hours since the send was scheduled."""
        return (self.now - AT) / HOUR


def parties(*sizes: int, zone: str = "UTC") -> dict[Party, int]:
    """Waves of these sizes in one zone."""
    return {Party(wave, zone): size for wave, size in enumerate(sizes, start=1)}


PARTIES = st.dictionaries(st.builds(Party, st.integers(1, 3), st.sampled_from(ZONES)), st.integers(0, 300))
SOME_RULES = st.builds(
    lambda minimum, clock, quiet, deadline: replace(
        RULES, minimum=minimum, hours=Hours(AT, clock, quiet), deadline=deadline and AT + deadline * HOUR
    ),
    st.integers(1, 400),
    st.none() | st.sampled_from([time(9), time(0), time(23, 30)]),
    st.none() | st.just(QuietHours(time(22), time(6))),
    st.none() | st.integers(1, 60),
)


@given(SOME_RULES, PARTIES, st.none() | st.integers(1, 500))
def test_each_leaves_exactly_once_and_never_early(rules: Rules, letters: dict[Party, int], per_day: int | None) -> None:
    """Over all waves, zones and days: every letter once, none before its wave, its hour or in quiet hours, none beyond the day's cap,
    and at a deadline the rest not at all."""
    play = Play(rules, letters, per_day)
    end = play.run()
    gone = Counter[Party]()
    for at, party, going in play.departures:
        gone[party] += going
        assert not going or (at >= rules.hours.due_at(party.time_zone) and rules.hours.leaves_at(party.time_zone, at) == at)
        assert rules.deadline is None or at < rules.deadline
    assert {party: gone[party] + play.left[party] for party in letters} == letters
    assert isinstance(end, GiveUp) or (len(play.waves) == 3 and not any(play.left.values()))
    by_day = Counter[object]()
    for at, _, going in play.departures:
        by_day[at.date()] += going
    assert per_day is None or all(count <= per_day for count in by_day.values())


@given(PARTIES)
def test_a_wave_soaks_before_the_next_one_opens(letters: dict[Party, int]) -> None:
    """With everybody due at once, wave n leaves n - 1 soaks after the first."""
    play = Play(RULES, letters)
    play.run()
    assert all(at == AT + (party.wave - 1) * HOUR for at, party, _ in play.departures)
    assert play.hours == 2


def test_what_is_waited_for_is_said() -> None:
    """Which wave, until when, and why."""
    play = Play(RULES, parties(10, 40, 50))
    play.run()
    assert play.said == [
        "open 1 at 0",
        "waiting for wave 2 (soak) until 2026-11-22 23:00 UTC",
        "open 2 at 1",
        "waiting for wave 3 (soak) until 2026-11-23 00:00 UTC",
        "open 3 at 2",
    ]


def test_a_wave_is_not_finished_by_the_few_who_are_due_first() -> None:
    """With a local time, the next wave opens when enough of this one are out to judge by, not after the first hour in which some were."""
    rules = replace(RULES, shares=(0.5, 1.0), hours=Hours(AT, time(9)))
    letters = {Party(wave, zone): size for wave in (1, 2) for zone, size in zip(ZONES, (5, 200, 200), strict=True)}
    play = Play(rules, letters)
    play.run()
    left_at = {(party.wave, party.time_zone): (at - AT) / HOUR for at, party, going in play.departures if going}
    assert left_at == {
        (1, "Asia/Tokyo"): 2,  # five letters: too few to open the next wave by
        (1, "Europe/Berlin"): 10,
        (2, "Asia/Tokyo"): 11,  # an hour after Berlin
        (2, "Europe/Berlin"): 11,
        (1, "America/New_York"): 16,
        (2, "America/New_York"): 16,
    }


def test_a_wave_of_nobody_keeps_nobody_waiting_for_letters() -> None:
    """A small list may have nobody in its first wave: the soak passes, and the next one opens."""
    play = Play(RULES, parties(0, 3, 5))
    assert isinstance(play.run(), Arrived) and play.hours == 2


def test_a_soak_goes_on_where_it_was() -> None:
    """A run that takes a send up in a soak waits for the rest of it, and one that comes late does not wait at all."""
    left = parties(0, 40, 50)
    standing = Standing(1, AT, parties(10, 40, 50), left)
    assert next_step(RULES, standing, AT + timedelta(minutes=20)) == Wait(AT + HOUR, "wave 2 (soak)")
    assert next_step(RULES, standing, AT + 5 * HOUR) == OpenWave(2)


def test_the_deadline_comes_before_everything() -> None:
    """From that instant on nothing is opened and nothing departs, not even what was due."""
    rules = replace(RULES, deadline=AT + HOUR)
    standing = Standing(1, None, parties(10, 40, 50), parties(10, 40, 50))
    assert isinstance(next_step(rules, standing, AT + HOUR - timedelta(seconds=1)), Depart)
    assert isinstance(next_step(rules, standing, AT + HOUR), GiveUp)


def test_a_warm_up_goes_on_every_day_until_all_are_out() -> None:
    """Nothing leaves between the day's last letter and midnight, and the next wave does not open before this one is out."""
    play = Play(replace(RULES, shares=(0.5, 1.0)), parties(250, 100), per_day=100)
    assert isinstance(play.run(), Arrived)
    per_day = Counter[int]()
    for at, _, going in play.departures:
        per_day[(at.date() - AT.date()).days] += going
    assert dict(per_day) == {0: 100, 1: 100, 2: 100, 3: 50}
    assert "waiting for the next day of the warm-up until 2026-11-23 00:00 UTC" in play.said
