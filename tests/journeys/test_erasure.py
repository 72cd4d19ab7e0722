"""Erasing somebody from a home in which a send has run."""

from pathlib import Path

import pytest

from storage.embedded import EmbeddedRedis
from tests.flows.traces import traces
from tests.journeys.desk import Desk

pytestmark = pytest.mark.journey
ID, ADDRESS = "katharina-4711", "katharina@mail.example"


def test_erase_leaves_no_trace_of_a_send(desk: Desk, own_redis: EmbeddedRedis) -> None:
    """Import with rejects, send into a folder, look, export, erase: nothing of the person is left under var/, and the account adds up."""
    desk.set(redis_url=own_redis.url, esp="folder:var/mailbox")
    header = "recipient_id,address,consent,first_name,plan"
    (desk.home / "one.csv").write_text(f"{header}\n{ID},{ADDRESS},true,Katharina,gold\n")
    (desk.home / "again.csv").write_text(f"{header}\nx1,{ADDRESS},true,x,gold\n{ID},no address,true,x,gold\n")
    desk.does("import", "recipients", "one.csv")
    desk.run("import", "recipients", "again.csv")
    desk.does("send", "news")
    before = desk.status()
    desk.does("mailbox")
    places = [desk.home / "var", own_redis.directory]
    assert len(_found(places, ID, ADDRESS)) > 5
    exported = desk.does("export", ID, "--out", "person.json", "--json").json
    assert exported["rows"]["lake: audience"] == 1
    erased = desk.does("erase", ADDRESS, "--json").json
    assert erased["left"] == []
    assert _found(places, ID, ADDRESS) == []
    after = desk.status()
    assert after == before
    assert "nothing is known" in desk.refused("export", ID, "--out", "again.json")


def _found(places: list[Path], *texts: str) -> list[str]:
    return [place for folder in places for place in traces(folder, *texts)]
