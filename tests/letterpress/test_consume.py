"""`letterpress consume`, against the mock broker that librdkafka brings along: the real protocol over real sockets."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.schema import events, set_aside
from tests.journeys.desk import wait_until

confluent_kafka = pytest.importorskip("confluent_kafka", reason="the extra `kafka` is not installed")


@pytest.fixture
def producer() -> Iterator[Any]:
    """A producer that carries a broker within it; both end with it."""
    made = confluent_kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    yield made
    made.flush(10)


@pytest.fixture
def brokers(producer: Any) -> str:
    """Where the broker answers."""
    return ",".join(str(broker).rpartition("/")[0] for broker in producer.list_topics(timeout=10).brokers.values())


def command(home: Path, brokers: str, *arguments: str) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    environment = os.environ | {"LETTERPRESS_HOME": str(home), "LETTERPRESS_REDIS_URL": "redis://127.0.0.1:1"}
    line = [sys.executable, "-m", "letterpress", "consume", "site", "--brokers", brokers, "--source", "shop", "--json", *arguments]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def ended(process: "subprocess.Popen[str]") -> Any:
    """What it said, once it has ended well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return orjson.loads(out)


def produce(producer: Any, numbers: range) -> None:
    """Page views, in order."""
    for number in numbers:
        producer.produce("site", orjson.dumps({"type": "page", "userId": "u1", "messageId": str(number)}))
    producer.flush(10)


def test_events_arrive_once_through_kills_and_restarts(tmp_path: Path, producer: Any, brokers: str) -> None:
    """Killed with -9 and started again, with poison in between: every event is stored once, the poison is set aside once."""
    produce(producer, range(500))
    first = command(tmp_path, brokers, "--options", str(_options(tmp_path)))
    database = Database(f"sqlite:///{tmp_path}/var/letterpress.db")
    wait_until(lambda: _count(database, "events"), "the first events")
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    producer.produce("site", b"no json")
    produce(producer, range(400, 1_000))
    second = ended(command(tmp_path, brokers, "--until-idle", "12", "--options", str(_options(tmp_path))))
    assert second["set_aside"] == 1
    assert (_count(database, "events"), _count(database, "set_aside")) == (1_000, 1)
    third = ended(command(tmp_path, brokers, "--until-idle", "6", "--options", str(_options(tmp_path))))
    assert third == {"messages": 0, "stored": 0, "known_before": 0, "set_aside": 0}  # what was stored had been committed


def _options(folder: Path) -> Path:
    """A group that notices a killed member soon."""
    path = folder / "kafka.properties"
    path.write_text("# quick\nsession.timeout.ms=6000\nheartbeat.interval.ms=500\n")
    return path


def _count(database: Database, table: str) -> int:
    known = {"events": events, "set_aside": set_aside}[table]
    if not Path(str(database.url.database)).exists():
        return 0
    with database.connect() as connection:
        if not sa.inspect(connection).has_table(table):
            return 0
        return connection.scalar(sa.select(sa.func.count()).select_from(known)) or 0
