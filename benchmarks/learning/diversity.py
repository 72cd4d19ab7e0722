"""`diversity`: what a floor of 1.0 nat under every recipient's last four letters costs in expected clicks, in the simulated shop.

Every letter has new variants: 13 for the hero, 20 for three stories, 8 for the offer, in seven categories. Scores are the true rates, so
that leaving what is best costs the most it can; 5 % of the letters rank uniformly. The first three letters are sent without a floor,
and the twelve after them are what counts: with the floor (and half as much asked of each letter alone), without, and with one λ for all
of a maximal-marginal-relevance re-ranker (Carbonell and Goldstein 1998) over the same draws, similarity being the share of a category
among all that the window shows. Its λ is the smallest, in hundredths, that keeps every letter above the floor that can be. Expected
clicks are those of the truth, not samples.

- `cost`: the share of expected clicks that the floor takes, mean over shops; `by_temperature` the same at other temperatures;
  `without_share` the same where nothing is asked of letters alone.
- `below_floor_share`: letters below the floor although some letter would have reached it; `below_floor_without`: without a floor.
- `infeasible_share`: letters for which nothing reaches the floor: in the first weeks, when the past is one-sided.
- `restricted_share`: letters for which candidates were taken away. `kept_share`: the candidates that these kept.
- `mmr`: λ, cost and share below of the re-ranker; `mmr_with_one_percent_below`: if one letter in a hundred may be below the floor.
- `us`: microseconds per recipient who is left alone and per one who is restricted, where nothing is asked of letters alone; and per
  recipient where half the floor is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from statistics import fmean

import numpy as np
import numpy.typing as npt

from benchmarks.registry import Figure, Measured
from benchmarks.timing import in_turns, seconds_of
from domain.hashing import Keys, keys_of, uniforms
from domain.ids import PlacementId, SendId, VariantId
from ranking.deciding.diversity import Floor, Restricted, restrict, share_of_a_letter
from ranking.deciding.offers import Considered
from ranking.policies import propensities
from ranking.policies.policy import noise
from simulator.letters import Choice, Surface
from simulator.people import CATEGORIES, draw_people
from simulator.truth import attraction, examination

FLOOR, WINDOW = 1.0, 4  # nats; messages, the one that is decided among them
SHARE = share_of_a_letter(FLOOR, WINDOW)  # nats asked of each letter alone
TEMPERATURE, EXPLORE = 0.5, 0.05  # the policy's defaults
OTHER_TEMPERATURES = (0.25, 0.1)
_ALL = (*CATEGORIES, "general")
_NEAR = 1e-6  # nats: rounding

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Shops of so many people each; letters after the past ones; rounds of timing."""

    shops: int
    people: int
    letters: int
    rounds: int


FULL, QUICK = Plan(5, 4_000, 12, 9), Plan(1, 1_000, 8, 3)


@dataclass(frozen=True, slots=True)
class Slot:
    """A placement of one letter, for everyone: candidates with true log-rates, their categories among all, and the policy's noise."""

    candidates: Considered
    examination: Doubles
    uniforms: Doubles

    @property
    def rates(self) -> Doubles:
        """True rates at the first position, float64[n, V]."""
        return np.asarray(np.exp(self.candidates.log_rates, dtype=np.float64), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop's letters, and who explores in each, bool[n]."""

    letters: tuple[tuple[Slot, ...], ...]
    exploring: tuple[npt.NDArray[np.bool_], ...]


Policy = Callable[[Sequence[Slot], npt.NDArray[np.bool_], Ints, Restricted], list[Ints]]
"""Rankings int64[n, K] by placement, from who explores, what was shown int64[n, C], and what the floor would leave."""


@dataclass(frozen=True, slots=True)
class Ran:
    """Of the letters after the past ones: expected clicks per letter, and shares."""

    clicks: float
    below: float
    infeasible: float
    restricted: float
    kept: float


def measure(*, quick: bool) -> Measured:
    """Run it."""
    return measured(QUICK if quick else FULL)


def measured(plan: Plan) -> Measured:
    """All shops, and the figures over them."""
    shops = [_shop(plan, seed) for seed in range(plan.shops)]
    without = [_run(shop, sampled(TEMPERATURE)) for shop in shops]
    floored = [_run(shop, restricted(TEMPERATURE), SHARE) for shop in shops]
    costs = [_cost(a, b) for a, b in zip(without, floored, strict=True)]
    figures: dict[str, Figure] = {
        "below_floor_share": fmean(ran.below for ran in floored),
        "cost": fmean(costs),
        "cost_of_shops": {"lowest": min(costs), "highest": max(costs)},
        "by_temperature": {str(t): _cost_at(shops, t) for t in OTHER_TEMPERATURES},
        "without_share": _cost_at(shops, TEMPERATURE, share=0.0),
        "infeasible_share": fmean(ran.infeasible for ran in floored),
        "restricted_share": fmean(ran.restricted for ran in floored),
        "kept_share": fmean(ran.kept for ran in floored),
        "below_floor_without": fmean(ran.below for ran in without),
        "mmr": _mmr_figures(shops, without, 0.0),
        "mmr_with_one_percent_below": _mmr_figures(shops, without, 0.01),
        "us": _microseconds(shops[0], plan.rounds),
    }
    sizes: dict[str, Figure] = {"shops": plan.shops, "people": plan.people, "letters": plan.letters, "window": WINDOW, "floor": FLOOR}
    return Measured(sizes, figures)


def _cost(without: Ran, ran: Ran) -> float:
    return 1 - ran.clicks / without.clicks


def _cost_at(shops: Sequence[Shop], temperature: float, share: float = SHARE) -> float:
    return fmean(_cost(_run(shop, sampled(temperature)), _run(shop, restricted(temperature), share)) for shop in shops)


def _shop(plan: Plan, seed: int) -> Shop:
    people = draw_people(plan.people, seed, datetime(2026, 11, 1, tzinfo=UTC))
    keys = keys_of(people.recipients["recipient_id"])
    letters = []
    for week in range(WINDOW - 1 + plan.letters):
        drawn = [(surface, attraction(people, surface, seed)) for surface in _surfaces(week)]
        letters.append(tuple(_slot(surface, rates, keys, f"{seed}-{week}") for surface, rates in drawn))
    exploring = tuple(uniforms(keys, f"{seed}-{week}-explore") < EXPLORE for week in range(len(letters)))
    return Shop(tuple(letters), exploring)


def _surfaces(week: int) -> Iterator[Surface]:
    """The letter of a week, from the top: every variant is new, so each has an appeal of its own."""
    for name, rank, positions, each, general in (("hero", 0, 1, 2, 1), ("story", 1, 3, 3, 2), ("offer", 4, 1, 1, 2)):
        counts = [(category, each) for category in CATEGORIES] + [("general", general)]
        choices = tuple(Choice(VariantId(f"{week}-{category}-{i}"), category) for category, count in counts for i in range(count))
        yield Surface(PlacementId(f"weekly.{name}"), positions, False, rank, choices, tuple(c.variant for c in choices[:positions]))


def _slot(surface: Surface, rates: npt.NDArray[np.float32], keys: Keys, send: str) -> Slot:
    seen = examination(surface).astype(np.float64)
    category = np.array([_ALL.index(choice.category) for choice in surface.choices])
    defaults = np.array(surface.index(surface.default))
    candidates = Considered(np.log(rates * seen[0]), np.ones(rates.shape, bool), category, defaults, seen / seen[0])
    return Slot(candidates, seen / seen[0], noise(keys, SendId(send), surface.placement, [choice.variant for choice in surface.choices]))


@dataclass(frozen=True, slots=True)
class Sent:
    """A letter that was sent: what the messages before it showed int64[n, C], what the floor would leave, and the rankings."""

    letter: tuple[Slot, ...]
    shown: Ints
    offer: Restricted
    rankings: list[Ints]


def _send(shop: Shop, policy: Policy, share: float = 0.0) -> Iterator[Sent]:
    """Send all letters one after the other: the past ones without a floor, then by the policy."""
    window: list[Ints] = []
    for number, (letter, exploring) in enumerate(zip(shop.letters, shop.exploring, strict=True)):
        shown = sum(window[1 - WINDOW :], np.zeros((len(exploring), len(_ALL)), np.int64))
        offer = restrict([slot.candidates for slot in letter], shown, FLOOR, alone=share)
        rankings = (sampled(TEMPERATURE) if number < WINDOW - 1 else policy)(letter, exploring, shown, offer)
        window.append(_counts(letter, rankings))
        yield Sent(letter, shown, offer, rankings)


def _run(shop: Shop, policy: Policy, share: float = 0.0) -> Ran:
    """Means over the letters after the past ones."""
    rows = [_ran(sent) for sent in islice(_send(shop, policy, share), WINDOW - 1, None)]
    return Ran(*(fmean(values) for values in zip(*((r.clicks, r.below, r.infeasible, r.restricted, r.kept) for r in rows), strict=True)))


def _ran(sent: Sent) -> Ran:
    status = sent.offer.status
    reachable, touched = status < Floor.TOO_FEW_SHOWN, status == Floor.RESTRICTED
    below = (_entropy(sent.shown + _counts(sent.letter, sent.rankings)) < FLOOR - _NEAR) & reachable
    clicks = sum(
        float((np.take_along_axis(slot.rates, ranking, axis=1) * slot.examination).sum(axis=1).mean())
        for slot, ranking in zip(sent.letter, sent.rankings, strict=True)
    )
    kept = np.concatenate(sent.offer.eligible, axis=1)[touched]
    return Ran(clicks, float(below.mean()), float((~reachable).mean()), float(touched.mean()), float(kept.mean()) if len(kept) else 1.0)


def _counts(letter: Sequence[Slot], rankings: Sequence[Ints]) -> Ints:
    """What a letter shows of each category: int64[n, C]."""
    shown = np.concatenate([slot.candidates.category[ranking] for slot, ranking in zip(letter, rankings, strict=True)], axis=1)
    return np.stack([(shown == category).sum(axis=1) for category in range(len(_ALL))], axis=1)


def _entropy(counts: Ints) -> Doubles:
    share = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(-(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1))


def sampled(temperature: float, *, floor: bool = False) -> Policy:
    """The policy itself, over all candidates or over those that the floor leaves."""

    def policy(letter: Sequence[Slot], exploring: npt.NDArray[np.bool_], shown: Ints, offer: Restricted) -> list[Ints]:
        del shown
        found = []
        for slot, left in zip(letter, offer.eligible, strict=True):
            eligible = left if floor else slot.candidates.eligible
            weights = propensities.weights_of(slot.candidates.log_rates.astype(np.float64) / temperature, eligible)
            drawn = propensities.draw(np.where(exploring[:, None], eligible, weights), slot.uniforms, slot.candidates.positions)
            found.append(drawn.astype(np.int64))
        return found

    return policy


def restricted(temperature: float) -> Policy:
    """The policy over the candidates that the floor leaves."""
    return sampled(temperature, floor=True)


def mmr(temperature: float, weight: float) -> Policy:
    """Position by position the highest (1 − λ) · relevance − λ · similarity; relevance is the sampled rate over a placement's highest.

    Without `weight` (λ) this draws what the policy draws: rates times e^(temperature · Gumbel) are in the order of a Plackett–Luce ranking.
    """

    def policy(letter: Sequence[Slot], exploring: npt.NDArray[np.bool_], shown: Ints, offer: Restricted) -> list[Ints]:
        del offer
        counts, rows, found = shown.copy(), np.arange(len(shown)), []
        for slot in letter:
            category = slot.candidates.category
            rates = np.where(exploring[:, None], 0.0, slot.candidates.log_rates.astype(np.float64))
            relevance = np.exp(rates - temperature * np.log(-np.log(slot.uniforms)))
            relevance /= relevance.max(axis=1, keepdims=True)
            ranking = np.empty((len(shown), slot.candidates.positions), np.int64)
            for k in range(slot.candidates.positions):
                similarity = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[:, category]
                ranking[:, k] = ((1 - weight) * relevance - weight * similarity).argmax(axis=1)
                relevance[rows, ranking[:, k]] = -np.inf
                counts[rows, category[ranking[:, k]]] += 1
            found.append(ranking)
        return found

    return policy


def _mmr_figures(shops: Sequence[Shop], without: Sequence[Ran], below: float) -> Figure:
    """The smallest λ in hundredths that leaves no larger share of letters below the floor, by bisection."""
    low, high = 0, 99
    while high - low > 1:
        middle = (low + high) // 2
        is_enough = all(_run(shop, mmr(TEMPERATURE, middle / 100)).below <= below for shop in shops)
        low, high = (low, middle) if is_enough else (middle, high)
    ran = [_run(shop, mmr(TEMPERATURE, high / 100)) for shop in shops]
    cost = fmean(_cost(a, b) for a, b in zip(without, ran, strict=True))
    return {"lambda": high / 100, "cost": cost, "below_floor_share": fmean(r.below for r in ran)}


def _microseconds(shop: Shop, rounds: int) -> Figure:
    """Medians over rounds, in turns, on the last of letters without a floor."""
    *_, last = _send(shop, sampled(TEMPERATURE))
    untouched = last.offer.status == Floor.UNTOUCHED

    def contestant(rows: npt.NDArray[np.bool_], share: float = 0.0) -> Callable[[int], float]:
        candidates = [slot.candidates for slot in last.letter]
        part = [replace(c, log_rates=c.log_rates[rows], eligible=c.eligible[rows]) for c in candidates]
        return lambda _: seconds_of(lambda: restrict(part, last.shown[rows], FLOOR, alone=share)) / max(int(rows.sum()), 1) * 1e6

    everyone = np.ones_like(untouched)
    return in_turns(
        {"untouched": contestant(untouched), "restricted": contestant(~untouched), "with_share": contestant(everyone, SHARE)}, rounds
    )
