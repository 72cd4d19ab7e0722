"""The benchmarks there are. A new one is a module with `measure(*, quick: bool) -> Measured` and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from domain.errors import InputError

Figure = float | int | str | bool | None | Mapping[str, "Figure"]
"""A number, or numbers by name."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a benchmark found. `sizes` says how much it worked on, `figures` what came out."""

    sizes: Mapping[str, Figure]
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark: its name, what it measures in one line, and the module that measures it."""

    name: str
    line: str
    module: str

    def measure(self, *, quick: bool) -> Measured:
        """Run it. `quick`: on small sizes, within 60 seconds on two idle cores."""
        run: Callable[..., Measured] = import_module(self.module).measure
        return run(quick=quick)


BENCHMARKS = (
    Benchmark("send", "a whole send, stage by stage: decisions, printing, hand-off, memory, and how all of it grows", "benchmarks.send"),
)


def benchmark(name: str) -> Benchmark:
    """The benchmark of this name. InputError with those there are."""
    found = {one.name: one for one in BENCHMARKS}
    if name not in found:
        raise InputError(f"there is no benchmark {name!r}", hint="there are: " + ", ".join(found))
    return found[name]
