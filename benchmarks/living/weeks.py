"""Weeks go by: the clock is set forward, what is due runs, and people answer their letters."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import uvicorn

from benchmarks.living.people import People
from benchmarks.living.upside_down import turned
from benchmarks.own_process import ROOT
from domain.rollout import Rollout, RolloutState
from domain.send import SendStatus
from flows.keep_schedule import scheduled
from letterpress.demo import CAMPAIGN, Demo
from runtime import clock, services
from runtime.house import House, shared_house
from runtime.serving import open_serving
from simulator.catalogue import draw_catalogue
from simulator.clock import SteeredClock
from simulator.esp.handle import SimulatedEsp
from simulator.people import draw_people
from simulator.shopping import organic_events
from web.app import create_app

_STEP = timedelta(hours=12)
_SEED, _PATIENCE = 1, 180.0
Line = dict[str, Any]


def live(folder: Path, esp: SimulatedEsp, *, weeks: int, recipients: int) -> list[Line]:
    """All of it; what happened."""
    house = shared_house()
    services.start_decision_store(house.settings)
    services.start_prefect_server(house.settings)
    services.adopt_prefect_environment(house.settings)
    print(orjson.dumps({"prefect": services.prefect_address(house.settings)}).decode(), flush=True)
    demo = Demo(house, house.settings.var / "demo", recipients=recipients, weeks=6, seed=_SEED)
    demo.shop()
    demo.imported()
    demo.train()
    time_of_day, happened = SteeredClock(demo.at(), nap=0.05), list[Line]()
    with clock.running_on(time_of_day), served(house) as web:
        esp.set_events(f"{web}/webhooks/{{provider}}", "delivered=1,bounced=.005,complained=.0005,span=1,retry_seconds=.2")
        people = People(house, esp, demo.folder, folder / "var" / "mailboxes", web)
        begin, end = time_of_day.now(), time_of_day.now() + timedelta(weeks=weeks)
        everybody = draw_people(recipients, _SEED, begin)
        visits = organic_events(everybody, draw_catalogue(_SEED), since=begin, until=end, seed=_SEED + 1)
        for line in _days(house, people, visits, time_of_day, end):
            print(orjson.dumps(line, default=str).decode(), flush=True)
            happened.append(line)
    return happened


def _days(house: House, people: People, visits: pd.DataFrame, time_of_day: SteeredClock, end: datetime) -> Iterator[Line]:
    seen, known = set[str](), dict[str, str]()
    deployments = [one for one in scheduled(ROOT / "prefect.yaml") if one.parameters.get("campaign", CAMPAIGN) == CAMPAIGN]
    while time_of_day.now() < end:
        since, until = time_of_day.now(), time_of_day.now() + _STEP
        people.browse(visits[(visits["occurred_at"] > since - _STEP) & (visits["occurred_at"] <= since)], since)
        due = sorted(((at, one) for one in deployments if (at := one.due(since, until))), key=lambda found: (found[0], found[1].name))
        for at, deployment in due:
            time_of_day.set(max(time_of_day.now(), at))
            began = time.perf_counter()
            state = deployment.run(at)
            if deployment.name in {"weekly", "retrain", "lift", "variants", "diversity"} or not state.is_completed():
                yield {
                    "at": at,
                    "ran": deployment.name,
                    "is": state.name,
                    "said": state.message,
                    "s": round(time.perf_counter() - began, 1),
                }
            yield from _steps(house, known, at)
        time_of_day.set(until)
        for send in reversed(house.sends.list(CAMPAIGN)):
            if send.status is SendStatus.FINISHED and send.send_id not in seen:
                seen.add(send.send_id)
                replies = people.read(send, time_of_day.now())
                people.esp.wait_until_told(_PATIENCE)
                yield {
                    "at": until,
                    "read": send.send_id,
                    "letters": replies.letters,
                    "clicks": replies.clicks,
                    "left": replies.unsubscribed,
                }


def _steps(house: House, known: dict[str, str], at: datetime) -> Iterator[Line]:
    """Where rollouts have come to. The second candidate that is served is not what it was in the shadow."""
    for rollout in house.rollouts.list():
        stands = f"{rollout.state} {rollout.stage} {rollout.settled}"
        if known.get(rollout.candidate) == stands:
            continue
        known[rollout.candidate] = stands
        yield {"at": at, "candidate": rollout.candidate, "state": rollout.state.value, "stage": rollout.stage, "reason": rollout.reason}
        if _is_served_after_a_promotion(house, rollout):
            turned(house, rollout.candidate)
            yield {"at": at, "candidate": rollout.candidate, "turned": "upside down"}


def _is_served_after_a_promotion(house: House, rollout: Rollout) -> bool:
    promoted = any(one.state is RolloutState.PROMOTED for one in house.rollouts.list())
    return promoted and rollout.state is RolloutState.RAMPING and rollout.stage == 0


@contextmanager
def served(house: House) -> Iterator[str]:
    """The web process's application, on a port of loopback, in a thread: it goes by the same clock."""
    server = uvicorn.Server(uvicorn.Config(create_app(open_serving(house.settings)), host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, name="web")
    thread.start()
    while not server.started:
        time.sleep(0.05)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
