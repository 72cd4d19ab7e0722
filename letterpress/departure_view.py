"""How a send's departure stands: its waves, its gates, its deadline; for `status`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.departures.course import deadline_of
from delivery.departures.gates import Figure, Holds, TooFewLetters, judge, judged_since
from domain.campaign import Campaign
from domain.departure import Waves
from domain.ids import SendId
from domain.send import Send
from runtime.house import House
from storage.gate_figures import GateFigures


@dataclass(frozen=True, slots=True)
class WaveView:
    """A wave. `share`: of the audience, by its end; `soaks_until`: when the next one may open, if this one is finished."""

    wave: int
    share: float
    opened_at: datetime | None
    finished_at: datetime | None
    soaks_until: datetime | None


@dataclass(frozen=True, slots=True)
class GatesView:
    """What the gates say: `holds`, `too_few_letters` or `tripped`. `since`: only letters claimed after it are judged."""

    verdict: str
    figures: tuple[Figure, ...]
    minimum: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class DepartureView:
    """Empty, but for the deadline, where a campaign has no waves."""

    waves: tuple[WaveView, ...]
    gates: GatesView | None
    deadline: datetime | None


def departure_of(house: House, send: Send) -> DepartureView:
    """How the departure of a send stands."""
    campaign: Campaign = house.contents.load(send.content_version).campaign
    deadline = deadline_of(send, campaign)
    if campaign.waves is None:
        return DepartureView((), None, deadline)
    return DepartureView(tuple(_waves(house, send.send_id, campaign.waves)), _gates(house, send.send_id, campaign.waves), deadline)


def _waves(house: House, send_id: SendId, waves: Waves) -> Iterator[WaveView]:
    book = {state.wave: state for state in house.waves.of(send_id)}
    for wave, share in enumerate(waves.shares, start=1):
        state = book.get(wave)
        opened_at, finished_at = (state.opened_at, state.finished_at) if state else (None, None)
        soaks = finished_at + timedelta(minutes=waves.soak_minutes) if finished_at and wave < len(waves.shares) else None
        yield WaveView(wave, share, opened_at, finished_at, soaks)


def _gates(house: House, send_id: SendId, waves: Waves) -> GatesView:
    since = judged_since(house.audit.of(send_id))
    verdict = judge(GateFigures(house.database).of(send_id, since), waves.gates)
    name = "holds" if isinstance(verdict, Holds) else "too_few_letters" if isinstance(verdict, TooFewLetters) else "tripped"
    return GatesView(name, verdict.figures, waves.gates.minimum, since)


def as_lines(seen: DepartureView) -> Iterator[str]:
    """What there is to say to people, line by line."""
    for wave in seen.waves:
        yield f"wave {wave.wave} (up to {wave.share:g} of the audience): {_of_wave(wave)}"
    if seen.gates:
        yield from _of_gates(seen.gates)
    if seen.deadline:
        yield f"deadline: {_at(seen.deadline)}"


def _of_wave(wave: WaveView) -> str:
    if wave.opened_at is None:
        return "not open yet"
    if wave.finished_at is None:
        return f"open since {_at(wave.opened_at)}"
    return f"out since {_at(wave.finished_at)}" + (f", soaks until {_at(wave.soaks_until)}" if wave.soaks_until else "")


def _of_gates(gates: GatesView) -> Iterator[str]:
    said = {"holds": "hold", "tripped": "TRIPPED", "too_few_letters": f"say nothing yet: they want {gates.minimum:,} letters"}
    accepted = f"; letters until {_at(gates.since)} were accepted" if gates.since else ""
    yield f"the gates {said[gates.verdict]}{accepted}"
    yield from (f"  {figure}" for figure in gates.figures)


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
