"""`machines`: whether scanners are told from people, and what that is worth to the ranker.

Letters are sent to simulated mailboxes: half load pictures through an Apple-like proxy, 15 % are behind one of three kinds of link scanner
(`simulator/scanners.py`, made from what vendors and senders publish and not from our table). Their requests and the readers' are stored as
the HTTP process stores them, and judged by `delivery/machines`.

- `precision`, `recall`: of the clicks that were taken for a machine's, how many were one's; of the machines' clicks, how many were found.
- `people_kept`: share of people's clicks that count; `kept_by_people`: share of the clicks that count that are people's. Machines make most
  of the clicks here, so these two are harder. `recall_by`: by kind of machine. `pictures_recall`: of opens by the picture proxy.
- `ndcg5_with`, `ndcg5_without`: NDCG@5 under true rates of people's clicks, for newcomers, of a model trained on a click log with
  machines in it, with their clicks left out by the filter and without; `ndcg5_people` of one trained on people's clicks alone. Means
  over seeds.
- `variations`: the first four for other seeds, sizes and scanners, among them some that mean to hide.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.learning.debias import Found, learn_from
from benchmarks.registry import Figure, Measured
from delivery.machines.scoring import judge_all
from domain.event import EventKind
from domain.ids import RecipientId, SendId
from ranking.history import OUTCOMES, History
from simulator.click_logs import START, ClickLog, Logger, LogShape, draw_log
from simulator.mailboxes import By, Mailbox, Town, draw_mailboxes
from simulator.scanners import UNSUBSCRIBE, Habits, Visit, recheck, scan
from simulator.visit_events import traces_of
from simulator.visiting import Manners, visit

BLOCKS = tuple(f"block-{position}" for position in range(1, 11))
LINKS = (*BLOCKS, "frame-logo", "frame-about", "frame-social")
CLICK_RATE = 0.07  # of the first block; the others by 1 / position
SHAPE = LogShape(Logger.WRONG, 0, base=-3.0)

Clicks = Mapping[RecipientId, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A list, who guards its mailboxes, and how machines and people go about it."""

    recipients: int
    town: Town = field(default_factory=Town)
    habits: Habits = field(default_factory=Habits)
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True, slots=True)
class Plan:
    """Recipients of the scenes; their seeds; recipients (8 letters each) and seeds of the logs that are trained on."""

    recipients: int
    seeds: int
    trained: int
    training_seeds: int


FULL, QUICK = Plan(20_000, 5, 5_000, 5), Plan(6_000, 1, 1_250, 1)


def variations(recipients: int) -> dict[str, Scene]:
    """Other worlds than the one that the filter was tried in first."""
    usual = Scene(recipients)
    return {
        "a small list": replace(usual, recipients=recipients // 8),
        "few scanners": replace(usual, town=Town(protected=0.04, staff=8)),
        "phones of eight carrier networks": replace(usual, town=Town(carriers=8)),
        "readers who open tabs": replace(usual, manners=Manners(opens_tabs=0.4)),
        "prompt readers": replace(usual, manners=Manners(median=600.0, prompt=0.15)),
        "slow sandboxes": replace(usual, habits=Habits(sandbox_starts=(60.0, 900.0), sandbox_takes=90.0)),
        "gateways that pretend to be browsers": replace(usual, habits=Habits(gateway_named=0.0, gateway_nameless=0.0, gateway_library=0.0)),
        "samplers only": replace(usual, town=Town(scanners=(0.0, 0.0, 1.0))),
        "scanners through residential proxies": replace(usual, habits=Habits(scattered=True)),
        "samplers through residential proxies": replace(usual, town=Town(scanners=(0.0, 0.0, 1.0)), habits=Habits(scattered=True)),
    }


@dataclass(frozen=True, slots=True)
class Judged:
    """Visits with whether each counts."""

    visits: tuple[Visit, ...]
    counts: tuple[bool, ...]

    def tally(self) -> "Tally":
        """Numbers of clicks, and of the picture proxy's opens."""
        pairs = list(zip(self.visits, self.counts, strict=True))
        clicks = Counter((one.by, counts) for one, counts in pairs if one.kind is EventKind.CLICKED)
        opens = Counter(counts for one, counts in pairs if one.kind is EventKind.OPENED and one.by is By.PICTURES)
        return Tally(clicks, opens)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many clicks by whom, and whether they count; how many opens by the picture proxy, likewise."""

    clicks: Counter[tuple[By, bool]]
    opens: Counter[bool]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.clicks + other.clicks, self.opens + other.opens)

    @property
    def figures(self) -> dict[str, Figure]:
        """Precision and recall on clicks, and the same from the people's side."""
        found = sum(n for (by, counts), n in self.clicks.items() if by is not By.READER and not counts)
        missed = sum(n for (by, counts), n in self.clicks.items() if by is not By.READER and counts)
        wronged, kept = self.clicks[By.READER, False], self.clicks[By.READER, True]
        return {
            "precision": found / (found + wronged),
            "recall": found / (found + missed),
            "people_kept": kept / (kept + wronged),
            "kept_by_people": kept / (kept + missed),
        }

    @property
    def recall_by(self) -> dict[str, Figure]:
        """Recall by kind of machine."""
        kinds = sorted({by for by, _ in self.clicks if by is not By.READER})
        return {kind.value: self.clicks[kind, False] / (self.clicks[kind, False] + self.clicks[kind, True]) for kind in kinds}


def measure(*, quick: bool) -> Measured:
    """Run it."""
    plan = QUICK if quick else FULL
    usual = _tally(Scene(plan.recipients), range(plan.seeds))
    others = {name: _tally(scene, range(100, 101)).figures for name, scene in variations(plan.recipients).items()}
    learned = [_learn(plan.trained, seed) for seed in range(plan.training_seeds)]
    clicks = sum(usual.clicks.values())
    sizes: dict[str, Figure] = {
        "recipients": plan.recipients, "seeds": plan.seeds, "clicks": clicks,
        "clicks_by_machines": 1 - sum(usual.clicks[By.READER, counts] for counts in (True, False)) / clicks,
        "letters_trained_on": plan.trained * SHAPE.weeks, "training_seeds": plan.training_seeds,
    }  # fmt: skip
    pictures = {"pictures_recall": usual.opens[False] / usual.opens.total()}
    return Measured(sizes, {**usual.figures, **_ndcg(learned), "recall_by": usual.recall_by, **pictures, "variations": others})


def _tally(scene: Scene, seeds: Iterable[int]) -> Tally:
    return sum((_judged_scene(scene, seed).tally() for seed in seeds), Tally(Counter(), Counter()))


def _judged_scene(scene: Scene, seed: int) -> Judged:
    """One letter to everybody: people click blocks, the higher the likelier."""
    ids = [RecipientId(f"r{number:06d}") for number in range(scene.recipients)]
    chances = CLICK_RATE / np.arange(1, len(BLOCKS) + 1)
    clicked = np.random.default_rng([seed, 16]).random((len(ids), len(BLOCKS))) < chances
    clicks = {ids[row]: [BLOCKS[k] for k in np.flatnonzero(clicked[row])] for row in np.flatnonzero(clicked.any(axis=1))}
    return judged(draw_mailboxes(ids, scene.town, seed), clicks, scene, SendId(f"scene-{seed}"), seed=seed)


def judged(boxes: Sequence[Mailbox], clicks: Clicks, scene: Scene, send_id: SendId, *, seed: int) -> Judged:
    """What people and machines did to one send, and what the filter makes of it."""
    people = visit(boxes, clicks, scene.manners, seed=seed)
    again = [one for one in people if one.kind is EventKind.CLICKED and one.link != UNSUBSCRIBE]
    visits = people + scan(boxes, LINKS, scene.town, scene.habits, seed=seed) + recheck(boxes, again, scene.town, scene.habits, seed=seed)
    messages, ordered = traces_of(visits, {box.recipient_id: box for box in boxes}, send_id, START)
    counts = {judgement.event_id: judgement.verdict.counts for judgement in judge_all(lambda: messages)}
    return Judged(tuple(ordered), tuple(counts[trace.event.event_id] for message in messages for trace in message))


def _ndcg(learned: Sequence[Mapping[str, Found]]) -> dict[str, Figure]:
    return {f"ndcg5_{name}": float(np.mean([one[name].chosen for one in learned])) for name in ("with", "without", "people")}


def _learn(recipients: int, seed: int) -> dict[str, Found]:
    """Three models from one log: machines left out by the filter, machines left in, and people alone."""
    log = draw_log(replace(SHAPE, recipients=recipients), seed)
    decisions, clicks = log.history.decisions, log.history.outcomes
    assert isinstance(decisions, pa.Table)  # noqa: S101 - as drawn
    assert isinstance(clicks, pa.Table)  # noqa: S101 - as drawn
    frame = decisions.select(["decision_id", "send_id", "recipient_id", "position", "decided_at"]).to_pandas()
    human = frame[frame["decision_id"].isin(clicks.filter(pc.field("kind") == "click")["decision_id"].to_pylist())]
    seen = _judged_weeks(log, human, seed)
    ways = {"with": seen["counts"], "without": seen["counts"] | True, "people": seen["by"] == By.READER.value}
    return {name: learn_from(replace(log, history=_history(decisions, frame, seen[chosen])), seed) for name, chosen in ways.items()}


def _judged_weeks(log: ClickLog, human: pd.DataFrame, seed: int) -> pd.DataFrame:
    """All clicks on blocks: send_id, recipient_id, position, by, counts."""
    boxes = draw_mailboxes([RecipientId(one) for one in log.recipients["recipient_id"]], Town(), seed)
    rows = []
    for week, (send_id, own) in enumerate(human.groupby("send_id", sort=True)):
        clicks = {RecipientId(str(who)): [f"block-{k}" for k in sorted(found)] for who, found in own.groupby("recipient_id")["position"]}
        found = judged(boxes, clicks, Scene(len(boxes)), SendId(str(send_id)), seed=1_000 * seed + week)
        rows += [
            (str(send_id), one.recipient_id, int(one.link.removeprefix("block-")), one.by.value, counts)
            for one, counts in zip(found.visits, found.counts, strict=True)
            if one.kind is EventKind.CLICKED and one.link in BLOCKS
        ]
    return pd.DataFrame(rows, columns=["send_id", "recipient_id", "position", "by", "counts"])


def _history(decisions: pa.Table, frame: pd.DataFrame, clicks: pd.DataFrame) -> History:
    """History in which these clicks are the outcomes, a day after their letters."""
    clicked = clicks[["send_id", "recipient_id", "position"]].drop_duplicates().astype({"position": frame["position"].dtype})
    found = frame.merge(clicked, on=["send_id", "recipient_id", "position"]).sort_values("decision_id")
    at = found["decided_at"] + timedelta(days=1)
    outcomes = found[["decision_id", "recipient_id"]].assign(kind="click", value=np.nan, currency=None, occurred_at=at, received_at=at)
    return History(decisions, pa.Table.from_pandas(outcomes.assign(source="simulator"), schema=OUTCOMES, preserve_index=False))
