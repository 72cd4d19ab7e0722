"""Homes with a send that is frozen up to its hand-off, to be copied for every run. All of it by commands, as a user would.

The send is opened, its audience selected and its choices made by `letterpress send` itself, at an ESP that throttles every call: the
first round of the hand-off is refused, and the send pauses.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import redis

from benchmarks.faulting.commands import Desk, Forks
from benchmarks.faulting.databases import Databases
from benchmarks.faulting.providers import Provider
from benchmarks.own_process import ROOT, FailedMeasurementError
from domain.ids import CampaignId, SendId, send_id_of
from simulator.esp.handle import SimulatedEsp
from simulator.letters import WEEKLY
from simulator.shop import simulate_shop
from simulator.shop_files import RECIPIENTS
from storage.embedded import EmbeddedRedis

CAMPAIGN = CampaignId("weekly")
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = send_id_of(CAMPAIGN, AT)
# Few enough that calls are shared: 36 combinations, one subject with a value of the recipient's own. All choices are drawn uniformly.
_VARIANTS = {
    "subject": ("the-week.txt", "by-name.txt"),
    "hero": ("welcome.mjml", "reading-chair.mjml", "slow-kitchen.mjml"),
    "story": ("supper-in-one-pan.mjml", "tulips-by-the-handful.mjml", "three-winter-novels.mjml"),
    "offer": ("free-delivery.mjml",),
}
_CONSENTING = 0.97  # of the simulated shop's people


@dataclass(frozen=True, slots=True)
class Lane:
    """What the runs over one kind of database share: where they are, their ESP, their Redis."""

    folder: Path
    forks: Forks
    databases: Databases
    esp: SimulatedEsp
    redis: EmbeddedRedis
    shards: int

    def desk(self, home: Path, provider: Provider | None, recipients: int) -> Desk:
        """A home's desk, with everything as by default but what a home of its own needs."""
        settings = {"REDIS_URL": self.redis.url, "SHARD_SIZE": str(-(-recipients // self.shards)), **self.databases.settings(home)}
        account = {"ESP": provider.url(self.esp)} if provider else {}
        rate = {"ESP_RATE": str(provider.rate)} if provider and provider.rate else {}
        return Desk(self.forks, home, settings | account | rate)

    def forget(self) -> None:
        """Let ESP and Redis be as if nothing had happened yet: a throttled account goes slowly for a while."""
        self.esp.reset()
        client = redis.Redis.from_url(self.redis.url)
        client.flushall()
        client.close()

    @contextmanager
    def copied(self, home: Path, name: str) -> Iterator[Path]:
        """A copy of a home and its database, gone afterwards."""
        copy = self.copy(home, name)
        try:
            yield copy
        finally:
            self.databases.drop(copy)
            shutil.rmtree(copy)

    def copy(self, home: Path, name: str) -> Path:
        """A copy of a home and its database."""
        copy = self.folder / name
        shutil.copytree(home, copy, ignore=shutil.ignore_patterns("said"))
        self.databases.copy(home, copy)
        return copy


@dataclass(frozen=True, slots=True)
class Frozen:
    """A home whose send waits for its hand-off."""

    lane: Lane
    home: Path
    provider: Provider
    recipients: int
    send_id: SendId = SEND


def stocked(lane: Lane, letters: int) -> tuple[Path, int]:
    """A home with a campaign and the recipients of about so many letters, and how many recipients these are."""
    home, recipients = lane.folder / "stocked", round(letters / _CONSENTING)
    shutil.copytree(ROOT / "templates" / CAMPAIGN, home / "templates" / CAMPAIGN, ignore=_left_out)
    simulate_shop(home / "shop", recipients=recipients, weeks=1, seed=1, until=AT, surfaces=WEEKLY)
    lane.databases.make(home)
    _done(lane.desk(home, None, recipients), "import", "recipients", f"shop/{RECIPIENTS}")
    shutil.rmtree(home / "shop")
    return home, recipients


def _left_out(folder: str, names: list[str]) -> set[str]:
    """The variants that the campaign does without."""
    return set(names) - set(_VARIANTS.get(Path(folder).name, names))


def frozen(lane: Lane, stock: Path, recipients: int, provider: Provider) -> Frozen:
    """The send to this provider, opened and decided. FailedMeasurementError unless it waits for its hand-off."""
    home = lane.copy(stock, f"frozen-{provider.name}")
    desk = lane.desk(home, provider, recipients)
    lane.esp.set_faults("throttle=1,retry_after=0")
    stopped = desk.run("send", CAMPAIGN, "--at", AT.isoformat(), handoff_rounds=1)
    status = desk.run("status", "--json").document
    if (status["status"], status["account"]["handed_off"]) != ("paused", 0) or status["finished_shards"]["decisions"] != lane.shards:
        raise FailedMeasurementError(f"the send to {provider.name} was not frozen before its hand-off: {stopped.err[-1_000:]}")
    return Frozen(lane, home, provider, recipients)


def _done(desk: Desk, *arguments: str) -> None:
    ended = desk.run(*arguments)
    if ended.code:
        raise FailedMeasurementError(f"letterpress {arguments[0]} failed:\n{ended.err[-1_000:]}")
