"""The benchmark `webhooks` tells a real server what happened, kills it, and judges what it stored."""

from pathlib import Path

import pytest

from benchmarks.hooking.world import Signer, World, body_of
from benchmarks.webhooks import Plan, measured
from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.posts import Forged, RawPost, Secrets, Verified
from delivery.webhooks.providers import PROVIDERS
from domain.event import EventKind
from domain.ids import event_id_of
from tests.delivery.webhooks.vectors import NOW

WORLD = World(events=400, letters=100, single=0.3)


def test_ids_are_those_that_the_server_finds() -> None:
    """The benchmark's own account of what has to be stored agrees with what is heard in its posts, for every provider."""
    found = {}
    for post in WORLD.posts(twice=0.2, tricks=0, batch=20):
        body, headers = Signer().signed(post.provider, body_of(WORLD, post), f"e{post.events[0]:08d}", int(NOW.timestamp()))
        for number, heard in zip(post.events, PROVIDERS[post.provider].understand(RawPost(headers, body)), strict=True):
            found[number] = event_id_of(post.provider, heard.key)
            assert heard.kind is not EventKind.UNKNOWN and heard.message_id == WORLD.message(number % 100)
    assert found == {number: WORLD.event_id(number) for number in range(400)}


def test_forgeries_are_forged() -> None:
    """What the benchmark signs verifies, and what it forges does not."""
    accounts = accounts_of(Signer().setting)
    for post in WORLD.posts(twice=0, tricks=0, batch=20)[:60]:
        for signer, verdict in ((Signer(), Verified), (Signer(genuine=False), Forged)):
            body, headers = signer.signed(post.provider, body_of(WORLD, post), "e1", int(NOW.timestamp()))
            account = accounts[post.provider]
            assert isinstance(account.provider.verify(RawPost(headers, body), Secrets(account.secrets), NOW), verdict)


@pytest.mark.journey
def test_every_event_once_through_kills(tmp_path: Path) -> None:
    """A server that is killed twice with -9 has stored every genuine event once in the end, and no forged one."""
    plan = Plan(2_000, 500, batch=40, kills=2, databases=("sqlite",), tricks=0.05)
    found = measured(plan, tmp_path).figures["sqlite"]
    assert isinstance(found, dict)
    assert (found["stored"], found["expected"], found["exact"], found["forged_stored"], found["forged_taken"]) == (2_000, 2_000, True, 0, 0)
    assert (found["kills"], found["garbage"] > 0, found["events_per_s"] > 0) == (2, True, True)
