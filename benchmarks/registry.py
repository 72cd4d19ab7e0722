"""The benchmarks there are. A new one is a module with `measure(*, quick: bool) -> Measured` and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from domain.errors import InputError

Figure = float | int | str | bool | None | tuple[float, ...] | Mapping[str, "Figure"]
"""A number, several that belong together (a value with its limits), or numbers by name."""


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
    Benchmark(
        "scoring", "every recipient against every variant, beside Booster.predict and lleaves: time, memory, growth", "benchmarks.scoring"
    ),
    Benchmark("compose", "printing a letter, against joining constant texts with escaped values", "benchmarks.compose"),
    Benchmark(
        "handoff",
        "letters handed over by body, one by one and by a provider's own client: rates, bytes, processor time",
        "benchmarks.handoff",
    ),
    Benchmark("features", "features of a million recipients, and point-in-time counts beside Feast and pandas", "benchmarks.features"),
    Benchmark(
        "diversity",
        "a floor under the diversity of every recipient's letters: whether it holds, and what it costs",
        "benchmarks.learning.diversity",
    ),
    Benchmark("ope", "whether intervals of off-policy evaluation hold the truth, in worlds where it is known", "benchmarks.learning.ope"),
    Benchmark(
        "hillstrom", "real customers: is the chosen policy as good as the best e-mail for everyone?", "benchmarks.learning.hillstrom"
    ),
    Benchmark("embeddings", "real purchases: do product vectors find what a household will newly buy?", "benchmarks.learning.embeddings"),
    Benchmark(
        "debias", "whether training finds what people like although the past put it where they do not look", "benchmarks.learning.debias"
    ),
    Benchmark("rate", "two processes at one account's rate, set and found out, and a storm of throttling", "benchmarks.rate"),
    Benchmark("lift", "whether the intervals of the lift report hold the truth, with and without the past taken out", "benchmarks.lifts"),
    Benchmark("health", "whether bad variants are found, and no variant is blamed for its readers", "benchmarks.health"),
    Benchmark("machines", "whether scanners are told from people, and what that is worth to the ranker", "benchmarks.learning.machines"),
    Benchmark("ramps", "rollouts of good, worse and broken models: who is promoted, who is caught, and when", "benchmarks.ramps"),
    Benchmark(
        "loop",
        "a year of weekly letters to people who change their minds: what weekly retraining recovers of all there is",
        "benchmarks.loop",
    ),
    Benchmark("interrupted", "every flow killed with -9 before each step that lasts, and run again", "benchmarks.interrupted"),
    Benchmark("faults", "sends killed with -9 and resumed while their ESP misbehaves: who got two letters, who none", "benchmarks.faults"),
    Benchmark(
        "placements",
        "what pages are shown, on one core, with a million recipients: latency, throughput, and Redis going away",
        "benchmarks.placements",
    ),
    Benchmark("keys", "layouts of the decision store: bytes per recipient, publish rate, and what 50 million take", "benchmarks.keys"),
    Benchmark("webhooks", "a million events told to a server that is killed with -9: what is stored, how fast", "benchmarks.webhooks"),
    Benchmark("signals", "500 signals a second: how soon decisions change within a session, with a consumer killed", "benchmarks.signals"),
)


def benchmark(name: str) -> Benchmark:
    """The benchmark of this name. InputError with those there are."""
    found = {one.name: one for one in BENCHMARKS}
    if name not in found:
        raise InputError(f"there is no benchmark {name!r}", hint="there are: " + ", ".join(found))
    return found[name]
