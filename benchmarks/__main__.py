"""`python -m benchmarks`: list them; `NAME [--quick] [--json]`: run one; `--all`: run all, and write docs/benchmarks.md."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from benchmarks.machine import this_machine
from benchmarks.own_process import FailedMeasurementError
from benchmarks.registry import BENCHMARKS, Benchmark, benchmark
from benchmarks.report import Result, as_json, as_table, write_into_document
from domain.errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 2 for a benchmark that does not exist, 1 for one that failed."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.all:
            _all(quick=asked.quick)
        elif asked.name:
            found = run(benchmark(asked.name), quick=asked.quick)
            print(as_json(found) if asked.json else as_table(found))
        else:
            print("\n".join(f"{one.name:<12} {one.line}" for one in BENCHMARKS))
    except InputError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except FailedMeasurementError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(one: Benchmark, *, quick: bool) -> Result:
    """Run one benchmark."""
    machine, today, began = this_machine(), datetime.now(UTC).date(), time.monotonic()
    measured = one.measure(quick=quick)
    return Result(one.name, quick, machine, today, round(time.monotonic() - began, 1), measured.sizes, measured.figures)


def _all(*, quick: bool) -> None:
    """Run all; each table is written as soon as it is there. Quick figures are shown, and stay out of the document."""
    for one in BENCHMARKS:
        print(f"# {one.name}: {one.line}\n", flush=True)
        result = run(one, quick=quick)
        print(as_table(result), flush=True)
        if not quick:
            write_into_document(result)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Without arguments: list the benchmarks.")
    parser.add_argument("name", nargs="?", help="run this one")
    parser.add_argument("--all", action="store_true", help="run all and write their tables into docs/benchmarks.md")
    parser.add_argument("--quick", action="store_true", help="small sizes, within 60 seconds: shows that it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
