"""`kill -9` of a running `letterpress refresh`, then the same command again: the same bytes, nothing twice, nobody lost."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from delivery.published_files import published_variants, version_of
from domain.publication import Publication, PublicationState
from flows.plan_send import checked_content
from runtime.house import open_house
from runtime.settings import load_settings
from storage.embedded import EmbeddedRedis
from tests.flows.pages import write_pages
from tests.journeys.desk import Desk, wait_until
from tests.journeys.test_killed_sends import frozen

pytestmark = pytest.mark.journey
AT = "2026-11-23T09:00:00Z"


@pytest.fixture
def site(desk: Desk, own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with campaign `web`, published, and visits of everybody an hour ago."""
    desk.set(redis_url=own_redis.url)
    folder = write_pages(desk.home / "templates" / "web", "recipients: 200")
    (folder / "campaign.yaml").write_text((folder / "campaign.yaml").read_text().replace("country <> 'FR'", '"TRUE"'))
    (folder / "home_hero" / "books.html").unlink()
    visit = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    rows = [f"e{number},r{number:03},page_viewed,{visit}" for number in range(300)]
    (desk.home / "visits.csv").write_text("\n".join(["event_id,recipient_id,kind,occurred_at", *rows]) + "\n")
    desk.does("import", "events", "visits.csv")
    for name, value in ({"LETTERPRESS_HOME": str(desk.home)} | desk.environment).items():
        monkeypatch.setenv(name, value)
    house = open_house(load_settings())
    seen = (house.publications, PublicationState.PUBLISHED, datetime.now(UTC))
    steps = [
        Publication(one.placement, one.variant, version_of(one), "", *seen[1:]) for one in published_variants(checked_content(house, "web"))
    ]
    seen[0].step(*steps)
    house.database.dispose()
    return desk


def files(desk: Desk, *tables: str) -> dict[Path, bytes]:
    """The very bytes of a refresh's tables in the lake."""
    return {path: path.read_bytes() for table in tables for path in (desk.home / "var" / "lake" / table).rglob("*.parquet")}


def test_a_refresh_that_is_killed_goes_on_where_it_was(site: Desk, own_redis: EmbeddedRedis) -> None:
    """Killed while it publishes: what was frozen stays byte for byte, the rest follows, and the account adds up. What is then decided
    once more is the same again."""
    refreshing = site.start("refresh", "web", "--at", AT)
    wait_until(lambda: site.sends or refreshing.over(), "the refresh to be opened")
    with frozen(own_redis):
        wait_until(lambda: site.finished("audience") == 3 and files(site, "refreshed_decisions"), "the first shard to be decided")
        refreshing.kill()
    before = files(site, "audience", "refreshed_decisions")
    assert site.finished("decisions") < 3

    found = site.does("refresh", "web", "--at", AT, "--json").json
    assert found["status"] == "finished" and found["adds_up"] and found["pending"] == 0
    assert (found["audience"], found["decided"], found["excluded"]) == (301, 200, {"inactive": 1, "over_budget": 100})
    after = files(site, "audience", "refreshed_decisions")
    assert {path: after[path] for path in before} == before

    for path in files(site, "refreshed_decisions"):
        path.unlink()
    with closing(sqlite3.connect(site.home / "var" / "letterpress.db")) as database, database:
        database.execute("DELETE FROM send_shards WHERE stage = 'decisions'")
        database.execute("UPDATE sends SET status = 'paused'")
    assert site.does("refresh", "web", "--at", AT, "--json").json == found
    assert files(site, "audience", "refreshed_decisions") == after


def test_a_refresh_by_hand_says_what_it_did_and_what_is_wrong(site: Desk) -> None:
    """Counts by reason; a campaign of letters, an unknown one and a default that is not published are refused with what to do."""
    out = site.does("refresh", "web").out
    assert "decided for" in out and "excluded: over_budget" in out and "the account adds up" in out
    assert "letterpress send news" in site.refused("refresh", "news")
    assert "there is no campaign" in site.refused("refresh", "nothing")
    (site.home / "templates" / "web" / "home_hero" / "default.html").write_text("---\ncategory: home\ndefault: true\n---\n<p>New</p>\n")
    assert "letterpress publish web" in site.refused("refresh", "web", "--at", AT)
    shown = site.does("why", "r001", "--placement", "web.home_hero")
    assert "r001 in web-" in shown.out or "home_hero" in shown.out
