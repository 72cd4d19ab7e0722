"""A send's shards divide the buckets."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.hashing import BUCKETS
from domain.ids import CampaignId, ContentVersion, SendId
from domain.send import Send

AT = datetime(2026, 11, 23, tzinfo=UTC)


@given(st.integers(1, 500))
def test_shards_divide_all_buckets_without_gap_or_overlap(shards: int) -> None:
    """Every bucket belongs to exactly one shard, whatever their number."""
    send = Send(SendId("s"), CampaignId("c"), AT, AT, ContentVersion("v"), None, shards, "folder", "http://x", "k")
    ranges = [send.buckets(shard) for shard in range(shards)]
    assert ranges[0][0] == 0 and ranges[-1][1] == BUCKETS
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
