"""All scorers in turns, one thread each. `python -m benchmarks.scorers.contest FOLDER PLAN LLEAVES`

PLAN is a `Contest` as JSON; LLEAVES the Python of an environment that has lleaves, or "" for none. Prints medians of processor
seconds by contestant, and how far the others' sums are from `Booster.predict`'s on its pairs.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import orjson
from pydantic import TypeAdapter

from benchmarks.own_process import ROOT
from benchmarks.scorers.made import NOW, Made, assembled, audience, made, variants
from benchmarks.timing import Contestant, in_turns
from ranking.features.variants import category_rows
from ranking.layout import FeatureFrame
from ranking.scoring.scorer import forest_sums, score, variant_rows
from ranking.specification import VariantFacts

PLAYER = ROOT / "benchmarks" / "scorers" / "lleaves_player.py"


@dataclass(frozen=True, slots=True)
class Contest:
    """Recipients and variants that the scorer gets (largest last), recipients whose pairs the others get, and repetitions."""

    recipients: tuple[int, ...]
    variants: tuple[int, ...]
    main: tuple[int, int]
    predict: int
    lleaves: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Table:
    """What is scored."""

    model: Made
    frame: FeatureFrame
    shown: list[VariantFacts]

    def letterpress(self, recipients: int, count: int) -> Contestant:
        """Scores this many recipients × variants by the product's own function."""
        part, shown = self.frame.cut([recipients, len(self.frame) - recipients])[0], self.shown[:count]
        return lambda _: _processor_seconds(lambda: score(self.model, part, shown, NOW))

    def pairs(self, recipients: int, count: int) -> npt.NDArray[np.float32]:
        """The assembled cross product of the first recipients."""
        return assembled(self.model, self.frame.cut([recipients, len(self.frame) - recipients])[0], self.shown[:count])

    def sums(self, recipients: int, count: int) -> npt.NDArray[np.float64]:
        """The scorer's sums of the same, pair by pair, before they become rates."""
        shown, layout = self.shown[:count], self.model.parameters.layout
        own, category = variant_rows(self.model, shown, NOW), category_rows(shown, layout)
        return forest_sums(self.model.forest, self.frame.recipient[:recipients], self.frame.cross[:recipients], own, category).ravel()


def play(folder: Path, contest: Contest, python: str) -> dict[str, Any]:
    """Warm everyone up, then take turns."""
    shown = variants(max(*contest.variants, contest.main[1]))
    model = made((folder / "forest.txt").read_text(), shown)
    table = Table(model, audience(model, max(*contest.recipients, contest.main[0]), seed=1), shown)
    main, count = contest.main
    sizes = {(n, count) for n in contest.recipients} | {(main, v) for v in contest.variants} | {contest.main}
    contestants: dict[str, Contestant] = {f"{n}x{v}": table.letterpress(n, v) for n, v in sorted(sizes)}
    booster, rows = lgb.Booster(model_str=model.forest), table.pairs(contest.predict, count)
    reference = _sums(booster, rows)
    table.letterpress(1_000, count)(0)  # compiled now, not while it is timed
    contestants["predict"] = lambda _: _processor_seconds(lambda: _sums(booster, rows))
    with lleaves(folder, python, table.pairs(contest.lleaves, count)) as player:
        seconds = in_turns(contestants | ({"lleaves": player} if player else {}), contest.rounds)
    errors = {"letterpress": _error(table.sums(contest.predict, count), reference)}
    if python:
        errors["lleaves"] = _error(np.load(folder / "lleaves.npy")[: len(reference)], reference)
    return {"seconds": seconds, "max_rel_error": errors}


@contextmanager
def lleaves(folder: Path, python: str, rows: npt.NDArray[np.float32]) -> Iterator[Contestant | None]:
    """lleaves in a process of its own that scores its rows whenever it is asked, and tells the processor seconds it took."""
    if not python:
        yield None
        return
    np.save(folder / "rows.npy", rows.astype(np.float64))  # the type it computes in: converting is not what is measured
    command = [python, str(PLAYER), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
        asked, told = process.stdin, process.stdout
        told.readline()  # compiled

        def turn(number: int) -> float:
            print(number, file=asked, flush=True)
            return float(told.readline())

        yield turn
        asked.close()


def _sums(booster: lgb.Booster, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.asarray(booster.predict(rows, raw_score=True, num_threads=1), dtype=np.float64)


def _error(found: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> float:
    """The largest difference relative to the reference, over the pairs that both have."""
    both = min(len(found), len(reference))
    return float((np.abs(found[:both] - reference[:both]) / np.abs(reference[:both])).max())


def _processor_seconds(work: Callable[[], object]) -> float:
    """Of all threads: what a busy machine disturbs least."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print what came out as JSON."""
    folder, plan, python = sys.argv[1:]
    print(orjson.dumps(play(Path(folder), TypeAdapter(Contest).validate_json(plan), python)).decode())


if __name__ == "__main__":
    main()
