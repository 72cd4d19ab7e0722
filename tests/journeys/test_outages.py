"""What a send stands on goes down while it runs: the send pauses, `status` says why, and `resume` finishes it."""

from collections import Counter

import pytest
import sqlalchemy as sa

from storage.embedded import EmbeddedRedis
from tests.journeys.desk import Desk, wait_until
from tests.journeys.people import CONSENTING
from tests.journeys.postgres import Postgres
from tests.journeys.sink import Sink

pytestmark = pytest.mark.journey


def finished_by_resume(desk: Desk, sink: Sink, *, unknown_at_most: int = 0) -> None:
    """`resume` ends the send with an account that adds up, and the server holds nobody twice."""
    account = desk.does("resume", "--json").json["account"]
    unknown = sum(account["unknown"].values())
    received = Counter(sink.recipients)
    assert desk.status()["status"] == "finished"
    assert account["adds_up"] and account["pending"] == 0 and account["failed"] == {}
    assert account["handed_off"] + unknown == CONSENTING and unknown <= unknown_at_most
    assert set(received.values()) == {1} and account["handed_off"] <= len(received) <= CONSENTING


def test_redis_going_down_pauses_the_send(desk: Desk, sink: Sink, own_redis: EmbeddedRedis) -> None:
    """The decision store stops after the send was opened: nothing is handed off without it, and all of it afterwards."""
    sink.start()
    desk.set(esp=sink.url, redis_url=own_redis.url)
    sending = desk.start("send", "news")
    wait_until(lambda: desk.sends or sending.over(), "the send to be opened")
    own_redis.stop()
    ended = sending.ended()
    assert ended.code == 2 and "the decision store does not answer" in ended.err and "Traceback" not in ended.err
    paused = desk.status()
    assert paused["status"] == "paused" and "the decision store does not answer" in paused["reason"]
    assert sink.recipients == []
    own_redis.start()
    finished_by_resume(desk, sink)


def test_the_relay_going_down_pauses_the_send(desk: Desk, sink: Sink) -> None:
    """The SMTP server dies after 100 letters: what it took stays sent, what it was given and did not answer for is unknown."""
    sink.start("--die-after", "100")
    desk.set(esp=sink.url)
    ended = desk.run("send", "news")
    assert ended.code == 2 and str(sink.port) in ended.err and "Traceback" not in ended.err
    paused = desk.status()
    assert paused["status"] == "paused" and str(sink.port) in paused["reason"]
    assert paused["account"]["adds_up"] and paused["account"]["handed_off"] <= len(sink.recipients) == 100
    sink.restart()
    finished_by_resume(desk, sink, unknown_at_most=4)


@pytest.mark.postgres
def test_the_database_going_down_pauses_the_send(desk: Desk, sink: Sink, own_postgres: Postgres) -> None:
    """PostgreSQL stops in the middle of the hand-off: answers that could not be written down are unknown, nobody is written to twice."""
    sink.start()
    desk.set(esp=sink.url, database_url=own_postgres.url)
    desk.does("import", "recipients", "people.csv")
    sending = desk.start("send", "news")
    wait_until(lambda: sink.count >= 60 or sending.over(), "letters to be handed off")
    own_postgres.stop()
    ended = sending.ended()
    assert ended.code == 2 and "the database does not answer" in ended.err and "Traceback" not in ended.err
    assert "the database does not answer" in desk.refused("status")
    own_postgres.start()
    paused = desk.status()
    assert paused["status"] in {"paused", "interrupted"} and "the database does not answer" in paused["reason"]
    finished_by_resume(desk, sink, unknown_at_most=20)
    with sa.create_engine(own_postgres.url.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM messages WHERE status = 'sending'")) == 0
