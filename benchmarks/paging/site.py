"""A site with placements: content, publications and decisions. `python -m benchmarks.paging.site HOME REDIS_URL PEOPLE ASKED`

Makes the home of an installation with three published placements of forty variants, publishes decisions for so many recipients, and writes
what pages will ask: `ours.txt` and `three.txt` (signed tokens) and `floor.txt`, targets of ASKED recipients drawn at random. With `again`
in place of ASKED it only publishes, as a refresh does, in shards.
"""

import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import redis

from delivery.recipient_tokens import RecipientTokens
from domain.campaign import Campaign, Placement, PlacementKind
from domain.content import Block, Content, Frame, Variant
from domain.ids import CampaignId, ContentVersion, PlacementId, RecipientId, SendId, VariantId
from domain.publication import Publication, PublicationState
from runtime.clock import now
from runtime.keys import signing_keys
from runtime.settings import load_settings
from storage.contents import Contents
from storage.database import Database
from storage.decision_store import DecisionStore
from storage.decision_writer import Published
from storage.migrations import migrate
from storage.publications import Publications

CAMPAIGN, VARIANTS, SHARD = "web", 40, 25_000
PLACEMENTS = tuple(PlacementId(f"{CAMPAIGN}.{name}") for name in ("home_hero", "home_strip", "cart_offer"))
TTL = timedelta(hours=48)


def content() -> Content:
    """The campaign."""
    placements = tuple(Placement(one, one.partition(".")[2], kind=PlacementKind.WEB) for one in PLACEMENTS)
    campaign = Campaign(CampaignId(CAMPAIGN), "Web", None, "", "true", placements)
    block = Block("", "", False)
    variants = [
        Variant(VariantId(name), one, name, "shoes", n == 0, block, default_rank=None if n else 1, web=f"<p>{name}</p>")
        for one in PLACEMENTS
        for n, name in enumerate(names())
    ]
    return Content(ContentVersion("w1"), campaign, Frame(("",), ("",), ()), tuple(variants), ())


def names() -> list[str]:
    """The variants of a placement."""
    return [f"variant-{number}" for number in range(VARIANTS)]


def rows(people: range, send: str, seed: int) -> Iterator[Published]:
    """One decision for each recipient and placement."""
    random, sent, variants = Random(seed), SendId(send), [(VariantId(name),) for name in names()]
    for number in people:
        who = RecipientId(f"c{number:08d}")
        for place in PLACEMENTS:
            yield who, place, variants[int(random.random() * VARIANTS)], sent


def publish(store: DecisionStore, people: int, send: str, at: datetime) -> float:
    """Publish for so many recipients, shard by shard; the seconds that took, making up the rows included."""
    began = time.perf_counter()
    for start in range(0, people, SHARD):
        store.publish(rows(range(start, min(start + SHARD, people)), send, start), TTL, at)
    return time.perf_counter() - began


def main() -> None:
    """Make it, or publish again."""
    home, url, people = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    store, at = DecisionStore(url), now()
    if sys.argv[4] == "again":
        took = publish(store, people, f"web-{at:%Y%m%dT%H%M%SZ}", at)
        print(orjson.dumps({"seconds": took}).decode())
        return
    _make(home, at)
    took = publish(store, people, "web-20261123T090000Z", at)
    _write_targets(home, url, [RecipientId(f"c{Random(1 + n).randrange(people):08d}") for n in range(int(sys.argv[4]))], at)
    print(orjson.dumps({"seconds": took}).decode())


def _make(home: Path, at: datetime) -> None:
    database = Database(f"sqlite:///{home / 'letterpress.db'}")
    migrate(database)
    Contents(database).save(content(), at)
    steps = [
        Publication(
            one, VariantId(name), "0a1b2c3d", f"https://cdn.example/{one}/variant-{name}.0a1b2c3d.json", PublicationState.PUBLISHED, at
        )
        for one in PLACEMENTS
        for name in names()
    ]
    Publications(database).step(*steps)
    database.dispose()


def _write_targets(home: Path, url: str, who: list[RecipientId], at: datetime) -> None:
    tokens = RecipientTokens(signing_keys(load_settings(home)))
    signed = [tokens.sign(one, at + TTL) for one in who]
    (home / "ours.txt").write_text("\n".join(f"/v1/placements/{PLACEMENTS[0]}?recipient={one}" for one in signed))
    together = ",".join(PLACEMENTS)
    (home / "three.txt").write_text("\n".join(f"/v1/placements?names={together}&recipient={one}" for one in signed))
    (home / "floor.txt").write_text("\n".join(f"/floor?recipient={one}" for one in who))
    with redis.Redis.from_url(url) as client, client.pipeline(transaction=False) as pipeline:
        for one in who:
            pipeline.set(f"floor:{one}", "variant-1|web-20261123T090000Z|1800000000", ex=TTL)
        pipeline.execute()


if __name__ == "__main__":
    os.environ.pop("LETTERPRESS_HOME", None)
    main()
