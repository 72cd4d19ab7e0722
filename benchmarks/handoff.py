"""`handoff`: letters handed to a simulated ESP in another process, by body, one by one, and by SendGrid's own client in a loop.

The letters are those of the benchmark `compose`: the starter campaign's, 46 kB of MIME each, in 60 combinations of variants. Each way
runs in a process of its own against a server of its own that keeps counts. Ours print every letter, claim it in a ledger on SQLite, hand
it over and settle what was answered, as a send does, with as many connections and as large batches as suit the ESP; for the SDK's loop
the letters are printed before, and there is no ledger. Slow ways are measured on fewer letters, which `sizes` tells.

- by ESP: `messages_per_s`; `bytes_per_message` as uploaded (bodies of calls, or MIME over SMTP); `cpu_us_per_message`, processor time of
  our process, all threads, printing and ledger included; `server_cpu_us_per_message`, that of the simulated ESP, which shares the two
  cores with us: where it is the larger one, the rate is the server's and not ours.
- `sendgrid_calls`: by body, from printed letters and without a ledger, one thread: what the SDK's loop does, and nothing more.
- `sendgrid_two_workers`: by body, two processes with a shard each over one ledger, as a send does it on two cores.
- `sendgrid`, `mailgun`, `sparkpost`, `ses`: by body, one process. `postmark`: whole letters, 500 a call. `smtp`: one by one, pipelined.
  `sendgrid_one_by_one`: one whole letter per call through our engine. `sendgrid_sdk`: SendGrid's client.
- `sendgrid_far`, `sendgrid_sdk_far`: the same two when every answer takes 10 ms, which is little for a provider on a network.
- `speedup_batched_vs_sdk`: messages per second of `sendgrid_calls` over those of `sendgrid_sdk`, like for like, on one machine and
  without any network. `speedup_two_workers_vs_sdk`, `speedup_one_worker_vs_sdk`: of a whole send, which prints and keeps a ledger,
  over the loop, which does neither; `speedup_batched_vs_sdk_far`: the same of one worker, with those 10 ms;
  `speedup_batched_vs_one_by_one`: one worker over one worker without batches.
- `bytes_ratio`: bytes per message of the SDK over those of `sendgrid`.
- `cpu_ratio_sdk_to_batched`: what the SDK's loop costs the client in processor time, over what batches do; servers have no part in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryDirectory

import psutil

from benchmarks.own_process import run_module
from benchmarks.registry import Figure, Measured
from simulator.esp.handle import SimulatedEsp

FULL: Mapping[str, int] = {
    "sendgrid_calls": 100_000,
    "sendgrid_two_workers": 100_000,
    "sendgrid": 100_000,
    "sendgrid_one_by_one": 5_000,
    "sendgrid_sdk": 2_000,
    "sendgrid_far": 30_000,
    "sendgrid_sdk_far": 500,
    "mailgun": 50_000,
    "sparkpost": 50_000,
    "ses": 50_000,
    "postmark": 10_000,
    "smtp": 10_000,
}
QUICK: Mapping[str, int] = {
    "sendgrid_calls": 6_000,
    "sendgrid_two_workers": 6_000,
    "sendgrid": 3_000,
    "sendgrid_one_by_one": 200,
    "sendgrid_sdk": 100,
    "sendgrid_far": 3_000,
    "sendgrid_sdk_far": 50,
    "mailgun": 2_000,
    "sparkpost": 2_000,
    "ses": 1_000,
    "postmark": 300,
    "smtp": 300,
}
_NEEDS = {"sendgrid_sdk": "sendgrid", "sendgrid_sdk_far": "sendgrid", "ses": "botocore"}
_FAR = "_far"  # answers take as long as a network would at least
_LATE = "late=1,late_seconds=0.01"


@dataclass(frozen=True, slots=True)
class Way:
    """What one way of handing over came to."""

    messages: int
    seconds: float
    cpu_s: float
    server_cpu_s: float
    bytes: int

    @property
    def figures(self) -> dict[str, Figure]:
        """Per message."""
        return {
            "messages_per_s": self.messages / self.seconds,
            "bytes_per_message": self.bytes / self.messages,
            "cpu_us_per_message": self.cpu_s / self.messages * 1e6,
            "server_cpu_us_per_message": self.server_cpu_s / self.messages * 1e6,
        }


def measure(*, quick: bool) -> Measured:
    """Run each way that is installed here."""
    sizes = {name: letters for name, letters in (QUICK if quick else FULL).items() if find_spec(_NEEDS.get(name, "delivery"))}
    ways = {name: measured(name, letters) for name, letters in sizes.items()}
    return Measured(dict(sizes), figures_of(ways))


def figures_of(ways: Mapping[str, Way]) -> dict[str, Figure]:
    """The figures of the issue, and what explains them."""
    figures: dict[str, Figure] = {name: way.figures for name, way in ways.items()}
    batched, sdk, alone = (ways.get(name) for name in ("sendgrid", "sendgrid_sdk", "sendgrid_one_by_one"))
    compared = {"speedup_batched_vs_sdk": "sendgrid_calls", "speedup_two_workers_vs_sdk": "sendgrid_two_workers"}
    figures |= {name: _rate(ways[way]) / _rate(sdk) for name, way in compared.items() if sdk and way in ways}
    if batched and sdk:
        figures["speedup_one_worker_vs_sdk"] = _rate(batched) / _rate(sdk)
        figures["bytes_ratio"] = sdk.bytes / sdk.messages / (batched.bytes / batched.messages)
        figures["cpu_ratio_sdk_to_batched"] = sdk.cpu_s / sdk.messages / (batched.cpu_s / batched.messages)
    far, sdk_far = ways.get("sendgrid_far"), ways.get("sendgrid_sdk_far")
    if far and sdk_far:
        figures["speedup_batched_vs_sdk_far"] = _rate(far) / _rate(sdk_far)
    if batched and alone:
        figures["speedup_batched_vs_one_by_one"] = _rate(batched) / _rate(alone)
    return figures


def _rate(way: Way) -> float:
    return way.messages / way.seconds


def measured(name: str, letters: int) -> Way:
    """One way, against a server that has nothing else to do."""
    late, way = _LATE if name.endswith(_FAR) else "", name.removesuffix(_FAR)
    with SimulatedEsp.start(smtp=True, keep="counts", faults=late) as server, TemporaryDirectory(prefix="letterpress-bench-") as folder:
        watched = psutil.Process(server.pid)
        before = sum(watched.cpu_times()[:2])
        found = run_module("benchmarks.handing.contest", way, server.host, server.smtp_url, letters, folder, settings={"HOME": folder})
        used = sum(watched.cpu_times()[:2]) - before
        counts = server.counts(name.partition("_")[0])
    if not found["accepted"] == counts.messages == counts.distinct == letters:
        raise RuntimeError(f"{name}: of {letters} letters {found['accepted']} were said to be accepted, and {counts.distinct} were")
    return Way(letters, found["seconds"], found["cpu_s"], used, counts.bytes_in)
