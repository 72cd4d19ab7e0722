"""The warm-up of a sending domain: how many letters may leave on a day, and who goes first."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from heapq import nsmallest

from domain.departure import WarmUp
from domain.engagement import Engagement
from domain.hashing import key_of, mix
from domain.ids import RecipientId, SendId

Engagements = Mapping[RecipientId, Engagement]
Rank = tuple[int, int, int, RecipientId]

_NONE = Engagement()


def cap_on(warm_up: WarmUp, day: date) -> int | None:
    """Letters that the domain may mail on a day (UTC): none before the first day, None (no cap) after the last."""
    since = (day - warm_up.began_on).days
    if since < 0:
        return 0
    return warm_up.per_day[since] if since < len(warm_up.per_day) else None


def next_day(at: datetime) -> datetime:
    """Midnight UTC after the instant."""
    return datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), tzinfo=UTC)


def rank_of(recipient_id: RecipientId, send_id: SendId, engagements: Engagements) -> Rank:
    """Where someone stands in the order of departure, the least first: clicks, then opens, then a hash. No two share a rank."""
    engagement = engagements.get(recipient_id, _NONE)
    return -engagement.clicks, -engagement.opens, mix(key_of(recipient_id), key_of(f"warm-up|{send_id}")), recipient_id


def allowances(waiting: Iterable[tuple[int, Rank]], letters: int) -> Counter[int]:
    """Shard → how many of its recipients are among the first `letters` of all who wait, given as (shard, rank)."""
    return Counter(shard for shard, _ in nsmallest(letters, waiting, key=lambda one: one[1]))


def first_of(recipients: Iterable[RecipientId], send_id: SendId, engagements: Engagements, letters: int) -> set[RecipientId]:
    """Who of a shard goes first: as many as its allowance is."""
    ranks = (rank_of(who, send_id, engagements) for who in recipients)
    return {rank[3] for rank in nsmallest(letters, ranks)}
