"""One Prefect server and one forking process for all journeys; a stocked home for each."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.processes import end
from runtime.services import prefect_address, prefect_environment, run_folder, start_prefect_server
from runtime.settings import Settings
from storage.embedded import EmbeddedRedis
from tests.delivery.campaigns import variant, write
from tests.journeys.desk import Desk, Forks
from tests.journeys.people import PEOPLE, as_csv
from tests.journeys.postgres import Postgres
from tests.journeys.sink import Sink, free_port


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Prefect's server, and the process that forks for commands which talk to it. Both start side by side."""
    settings = Settings(home=tmp_path_factory.mktemp("prefect"), prefect_port=free_port())
    ours = {"PREFECT_API_URL": prefect_address(settings) + "/api", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    forking = Forks(os.environ | prefect_environment(settings) | ours)
    try:
        start_prefect_server(settings)
        forking.ask(None)
        yield forking
    finally:
        forking.end()
        end(run_folder(settings), "prefect-server")


@pytest.fixture(scope="session")
def stocked_home(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Path:
    """A home with the campaign `news` and its recipients imported, to be copied."""
    desk = Desk(tmp_path_factory.mktemp("stock") / "home", forks)
    subject = variant("News for {{ recipient.first_name }}\n", default="true")
    write(desk.home / "templates", subject__plain_DOT_txt=subject, subject__named_DOT_txt=None)
    (desk.home / "people.csv").write_bytes(as_csv(PEOPLE))
    desk.does("import", "recipients", "people.csv")
    return desk.home


@pytest.fixture
def desk(tmp_path: Path, stocked_home: Path, forks: Forks, redis_url: str) -> Desk:
    """A stocked home of the test's own, with small shards and little patience."""
    home = tmp_path / "home"
    shutil.copytree(stocked_home, home)
    desk = Desk(home, forks)
    desk.set(redis_url=redis_url, shard_size=150, workers=2, handoff_connections=2, handoff_batch=5, handoff_rounds=2, settle_seconds=1)
    return desk


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """An SMTP server that is not started yet."""
    sink = Sink(tmp_path / "sink")
    yield sink
    sink.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of the test's own, to be stopped and started."""
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the test's own, to be stopped and started."""
    server = Postgres()
    server.start()
    yield server
    server.remove()
