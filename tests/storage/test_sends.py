"""Sends: opened once, finished shard by shard."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.campaign import Surface
from domain.errors import InputError
from domain.hashing import BUCKETS
from domain.ids import CampaignId, ContentVersion, ModelVersion, RecipientId, SendId, message_id_of
from domain.ledger import ClaimRequest
from domain.send import Send, SendStatus
from storage.database import Database
from storage.ledger import SqlLedger
from storage.runs import Runs
from storage.sends import Sends

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = Send(
    send_id=SendId("weekly-20261123T090000Z"),
    campaign=CampaignId("weekly"),
    scheduled_at=AT,
    as_of=AT,
    content_version=ContentVersion("c1"),
    model_version=ModelVersion("m1"),
    shards=4,
    esp="smtp",
    public_url="http://127.0.0.1:8085",
    key_id="k1",
)


def test_opening_again_returns_what_was_opened_first(database: Database) -> None:
    """`as_of` is frozen when a send is opened: opening it later finds the first one."""
    sends = Sends(database)
    assert sends.open(SEND, AT) == SEND
    later = replace(SEND, as_of=AT + timedelta(hours=1))
    assert sends.open(later, AT + timedelta(hours=1)) == SEND
    assert sends.get(SEND.send_id) == SEND


def test_unknown_sends_are_none(database: Database) -> None:
    """A send that was never opened is None, not an error."""
    assert Sends(database).get(SendId("nothing")) is None
    assert Sends(database).latest() is None


def test_sends_are_listed_latest_first(database: Database) -> None:
    """The list starts with the send scheduled last, and can be that of one campaign."""
    sends = Sends(database)
    other = replace(SEND, send_id=SendId("other-1"), campaign=CampaignId("other"), scheduled_at=AT + timedelta(days=1))
    for send in (SEND, other):
        sends.open(send, AT)
    assert sends.list() == [other, SEND]
    assert sends.list(SEND.campaign) == [SEND]
    assert sends.latest() == other
    assert sends.latest(SEND.campaign) == SEND


def test_status_changes_only_from_what_is_expected(database: Database) -> None:
    """Two who change a status at once cannot both believe they did."""
    sends = Sends(database)
    sends.open(SEND, AT)
    assert sends.set_status(SEND.send_id, SendStatus.RUNNING, None, AT, expected={SendStatus.PLANNED})
    assert not sends.set_status(SEND.send_id, SendStatus.RUNNING, None, AT, expected={SendStatus.PLANNED})
    assert sends.set_status(SEND.send_id, SendStatus.PAUSED, "the relay is down", AT)
    assert sends.get(SEND.send_id) == replace(SEND, status=SendStatus.PAUSED, reason="the relay is down")


def test_finished_shards_keep_their_first_counts(database: Database) -> None:
    """A shard's stage is finished once; its counts come back as they were recorded."""
    sends = Sends(database)
    sends.finish_shard(SEND.send_id, 2, "audience", {"admitted": 10, "excluded": 3}, AT)
    sends.finish_shard(SEND.send_id, 2, "audience", {"admitted": 99}, AT)
    sends.finish_shard(SEND.send_id, 0, "handoff", {}, AT)
    assert sends.finished_shards(SEND.send_id, "audience") == {2: {"admitted": 10, "excluded": 3}}
    assert sends.finished_shards(SEND.send_id, "handoff") == {0: {}}


def test_a_send_that_reached_nobody_can_be_discarded(database: Database) -> None:
    """Discarding takes a send back with its shards and runs, as if it had never been opened."""
    sends, runs = Sends(database), Runs(database)
    sends.open(SEND, AT)
    sends.finish_shard(SEND.send_id, 0, "audience", {}, AT)
    runs.start(SEND.send_id, AT)
    sends.discard(SEND.send_id)
    assert sends.get(SEND.send_id) is None
    assert sends.finished_shards(SEND.send_id, "audience") == {}
    assert runs.live(SEND.send_id, AT) == []


def test_a_send_with_messages_cannot_be_discarded(database: Database) -> None:
    """Once the ledger knows a message of the send, the send stays."""
    sends = Sends(database)
    sends.open(SEND, AT)
    who = RecipientId("r1")
    letter = ClaimRequest(message_id_of(SEND.send_id, who), SEND.send_id, who, 0, "r1@example.org", "p", "b")
    SqlLedger(database).claim([letter], run_id="run", esp="smtp", calls=lambda won: dict.fromkeys(won, "b"), at=AT)
    with pytest.raises(InputError):
        sends.discard(SEND.send_id)
    assert sends.get(SEND.send_id) == SEND


def test_shards_can_be_opened_again(database: Database) -> None:
    """What is taken back is to be done again; other stages and shards stay done."""
    sends = Sends(database)
    for shard in (0, 1):
        for stage in ("decisions", "handoff"):
            sends.finish_shard(SEND.send_id, shard, stage, {}, AT)
    sends.reopen_shards(SEND.send_id, "handoff", [0])
    assert (set(sends.finished_shards(SEND.send_id, "handoff")), set(sends.finished_shards(SEND.send_id, "decisions"))) == ({1}, {0, 1})


def test_refreshes_stand_apart_from_letters(database: Database) -> None:
    """Who asks for sends gets those of letters; thousands of refreshes are listed to those alone who ask for them."""
    sends = Sends(database)
    sends.open(SEND, AT)
    for hours in range(3):
        at = AT + timedelta(hours=hours)
        made = {"send_id": SendId(f"web-{hours}"), "campaign": CampaignId("web"), "content_version": ContentVersion(f"w{hours}")}
        sends.open(replace(SEND, scheduled_at=at, surface=Surface.WEB, shards=8, tiers=2, **made), at)
    assert [send.send_id for send in sends.list()] == [SEND.send_id] and sends.latest() == SEND
    assert [send.send_id for send in sends.list(surface=Surface.WEB, since=AT + timedelta(hours=1))] == ["web-2", "web-1"]
    assert len(sends.list(surface=None)) == 4 and sends.latest(surface=None) == sends.get(SendId("web-2"))
    assert sends.contents() == {"weekly": "c1", "web": "w2"}
    sends.set_status(SendId("web-0"), SendStatus.FINISHED, None, AT)
    assert {send.send_id for send in sends.open_ones()} == {SEND.send_id, "web-1", "web-2"}


def test_tiers_share_buckets() -> None:
    """The shards of each tier divide all buckets; a bucket is in one shard of each. Letters have one tier, without hand-off pages have."""
    send = replace(SEND, surface=Surface.WEB, shards=6, tiers=2)
    assert [send.buckets(shard) for shard in range(6)] == [send.buckets(shard) for shard in (0, 1, 2, 0, 1, 2)]
    assert send.buckets(0)[0] == 0 and send.buckets(2)[1] == BUCKETS
    for bucket in (0, 21_844, 21_845, 21_846, 43_690, 43_691, BUCKETS - 1):
        shards = send.shards_of(bucket)
        assert len(shards) == 2 and all(send.buckets(shard)[0] <= bucket < send.buckets(shard)[1] for shard in shards)
        [alone] = SEND.shards_of(bucket)
        assert SEND.buckets(alone)[0] <= bucket < SEND.buckets(alone)[1]
    assert send.stages == ("audience", "features", "decisions") and SEND.stages[-1] == "handoff"
