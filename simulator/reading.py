"""How people respond to what stands in their letters: the same for past letters and for those we hand off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from domain.ids import PlacementId
from simulator.catalogue import Catalogue
from simulator.letters import Surface
from simulator.people import CATEGORIES, Floats, People
from simulator.truth import attraction, examination

CONVERSION = 0.12  # of clicks that end in a purchase
_HOURS, _HOURS_SPREAD, _HOURS_AT_MOST = 3.0, 1.1, 60.0  # from letter to click: median, spread on a logarithmic scale, end

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Draws = Callable[[str], Doubles]  # a name gives uniforms in (0, 1), float64[n, K]; the same name gives the same ones


@dataclass(frozen=True, slots=True)
class Responses:
    """What n people did in one placement, [n, K] each. `shelf` and `item` index the catalogue; `hours` after the letter."""

    clicked: Bools
    converted: Bools
    shelf: Ints
    item: Ints
    revenue: Doubles
    hours: Doubles


def open_letters(people: People, subject: Surface, lines: Ints, *, draws: Draws, seed: int) -> Bools:
    """Who opens the letter with the subject line they got: bool[n]. `lines`: int64[n, 1], −1 for none."""
    return (draws("open") < _pick(attraction(people, subject, seed), lines))[:, 0]


def respond(people: People, surface: Surface, ranking: Ints, opened: Bools, *, draws: Draws, catalogue: Catalogue, seed: int) -> Responses:
    """Clicks and purchases in one placement. `ranking`: int64[n, K] indexes the surface's choices, −1 for an empty position."""
    rates = _pick(attraction(people, surface, seed), ranking) * examination(surface)
    clicked = opened[:, None] & (draws("click") < rates)
    converted = clicked & (draws("convert") < CONVERSION)
    shelf = _shelves(people, surface, ranking, draws)
    item = (draws("item") * catalogue.names.shape[1]).astype(np.int64)
    revenue = np.where(converted, catalogue.prices[shelf, item], 0.0)
    hours = np.minimum(_HOURS * np.exp(_HOURS_SPREAD * ndtri(draws("hours"))), _HOURS_AT_MOST)
    return Responses(clicked, converted, shelf, item, revenue, hours)


def whole_letter(parts: Sequence[Responses]) -> Responses:
    """The response to the letter as one, [n, 1]: clicked if anything was, at the first click; revenue summed."""
    clicked, converted = (np.hstack([getattr(part, name) for part in parts]) for name in ("clicked", "converted"))
    hours = np.where(clicked, np.hstack([part.hours for part in parts]), np.inf)
    bought = np.where(converted, hours, np.inf).argmin(axis=1)[:, None]
    shelf, item = (np.take_along_axis(np.hstack([getattr(part, name) for part in parts]), bought, axis=1) for name in ("shelf", "item"))
    revenue = np.hstack([part.revenue for part in parts]).sum(axis=1, keepdims=True)
    return Responses(_any(clicked), _any(converted), shelf, item, revenue, np.minimum(hours.min(axis=1, keepdims=True), _HOURS_AT_MOST))


def message_click_rate(people: People, surfaces: Sequence[Surface], rankings: Mapping[PlacementId, Ints], seed: int) -> Doubles:
    """Probability that a letter with these variants is clicked at all: float64[n]. `rankings` by placement, as in `respond`."""
    opened, untouched = np.ones(len(people)), np.ones(len(people))
    for surface in surfaces:
        drawn = _pick(attraction(people, surface, seed), rankings[surface.placement]).astype(np.float64)
        if surface.is_subject:
            opened = drawn[:, 0]
        else:
            untouched *= (1.0 - drawn * examination(surface)).prod(axis=1)
    return opened * (1.0 - untouched)


def _pick(drawn: Floats, ranking: Ints) -> Floats:
    """The attraction of what stands in each position; 0 where nothing does."""
    return np.where(ranking >= 0, np.take_along_axis(drawn, np.maximum(ranking, 0), axis=1), np.float32(0))


def _shelves(people: People, surface: Surface, ranking: Ints, draws: Draws) -> Ints:
    """The category they would buy from: the variant's; for a variant of no category in particular, one to their taste."""
    known = {category: number for number, category in enumerate(CATEGORIES)}
    shelf = np.array([known.get(choice.category, -1) for choice in surface.choices], dtype=np.int64)[np.maximum(ranking, 0)]
    to_taste = (draws("shelf")[:, :, None] > people.tastes.cumsum(axis=1)[:, None, :]).sum(axis=2)
    return np.where(shelf < 0, np.minimum(to_taste, len(CATEGORIES) - 1), shelf)


def _any(flags: Bools) -> Bools:
    return np.asarray(flags.any(axis=1, keepdims=True), dtype=np.bool_)
