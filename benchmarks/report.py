"""Results as people and programs read them: one JSON object, and a table in docs/benchmarks.md."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import orjson

from benchmarks.machine import Machine
from benchmarks.own_process import ROOT
from benchmarks.registry import Figure

DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Result:
    """One run of one benchmark. `quick`: on small sizes; such figures show that it runs, not how fast."""

    name: str
    quick: bool
    machine: Machine
    measured_on: date
    took_s: float
    sizes: Mapping[str, Figure]
    figures: Mapping[str, Figure]


def as_json(result: Result) -> str:
    """One JSON object."""
    return orjson.dumps(asdict(result), option=orjson.OPT_INDENT_2).decode()


def as_table(result: Result) -> str:
    """A Markdown table of sizes and figures, under a line that says where and when."""
    machine = result.machine
    about = (
        f"{result.measured_on}, {machine.processor}, {machine.cores} cores, {machine.memory_mb:,} MB, {machine.system}, "
        f"Python {machine.python}, load {machine.load} at the start; took {result.took_s:,.0f} s{' (quick)' if result.quick else ''}"
    )
    rows = [*_rows("size: ", result.sizes), *_rows("", result.figures)]
    return f"{about}\n\n| | |\n|---|---:|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def written_into(document: str, result: Result) -> str:
    """The document with the result's table between its two marks; in a section of its own at the end where there are none."""
    begin, end = f"<!-- begin {result.name} -->", f"<!-- end {result.name} -->"
    block = f"{begin}\n{as_table(result)}\n{end}"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if found.search(document):
        return found.sub(lambda _: block, document, count=1)
    return f"{document.rstrip()}\n\n## {result.name}\n\n{block}\n"


def write_into_document(result: Result, path: Path = DOCUMENT) -> None:
    """Put the result's table into docs/benchmarks.md."""
    path.write_text(written_into(path.read_text(), result))


def _rows(prefix: str, figures: Mapping[str, Figure]) -> Iterator[tuple[str, str]]:
    for name, figure in figures.items():
        if isinstance(figure, Mapping):
            yield from _rows(f"{prefix}{name} · ", figure)
        else:
            yield f"{prefix}{name}", _shown(figure)


def _shown(figure: Figure) -> str:
    if isinstance(figure, tuple):
        return ", ".join(map(_shown, figure))
    if isinstance(figure, bool) or not isinstance(figure, float):
        return f"{figure:,}" if isinstance(figure, int) and not isinstance(figure, bool) else str(figure)
    return f"{figure:,.0f}" if abs(figure) >= 1_000 else f"{figure:.3g}"
