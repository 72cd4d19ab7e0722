"""Keep the schedule of prefect.yaml in this process: what is due, and a run of it, as server and worker do it by the wall's clock."""

import asyncio
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.schemas import State
from prefect.server.schemas.schedules import CronSchedule

_MOST = 1_000  # instants that are looked at: three days of every five minutes


@dataclass(frozen=True, slots=True)
class Deployment:
    """A flow with its parameters, and when it runs."""

    name: str
    flow: Flow[Any, Any]
    parameters: Mapping[str, Any]
    schedules: tuple[CronSchedule, ...]

    def due(self, since: datetime, until: datetime) -> datetime | None:
        """The last instant after `since`, up to `until`, at which it is to run. Runs that were missed are not caught up with."""
        planned = (asyncio.run(schedule.get_dates(_MOST, start=since, end=until)) for schedule in self.schedules)
        last = max((at.timestamp() for instants in planned for at in instants if at > since), default=None)
        return None if last is None else datetime.fromtimestamp(last, UTC)  # not a datetime of another library's

    def run(self, at: datetime) -> State[Any]:
        """A run of Prefect's, for this instant; its state, also when it failed."""
        instant = {"scheduled_at": at} if "scheduled_at" in inspect.signature(self.flow.fn).parameters else {}
        state: State[Any] = self.flow(**self.parameters, **instant, return_state=True)  # type: ignore[assignment]
        return state


def scheduled(file: Path) -> Iterator[Deployment]:
    """The deployments of a prefect.yaml that have a schedule."""
    for one in yaml.safe_load(file.read_text())["deployments"]:
        module, _, name = one["entrypoint"].rpartition(".")
        crons = tuple(CronSchedule(cron=when["cron"], timezone=when["timezone"]) for when in one.get("schedules", ()))
        if crons:
            yield Deployment(one["name"], getattr(import_module(module), name), one.get("parameters", {}), crons)
