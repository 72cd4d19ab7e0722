"""The decision store on a real server: what is missing, stale or out of reach is the default."""

from datetime import UTC, datetime, timedelta

import pytest
import redis

from domain.decision import PublishedDecision
from domain.errors import InputError, UnavailableError
from domain.hashing import bucket_of
from domain.ids import PlacementId, RecipientId, SendId, VariantId
from storage.decision_store import DecisionStore

AT = datetime.now(UTC).replace(microsecond=0)
TTL = timedelta(days=8)
HERO, STORIES = PlacementId("weekly.hero"), PlacementId("weekly.stories")
SEND = SendId("weekly-1")
DEFAULT = (VariantId("default"),)
R1 = RecipientId("r1")


def publish(
    store: DecisionStore, *variants: str, who: RecipientId = R1, placement: PlacementId = HERO, at: datetime = AT, ttl: timedelta = TTL
) -> int:
    """Publish one decision."""
    return store.publish([(who, placement, tuple(map(VariantId, variants)), SEND)], ttl, at)


def test_a_published_decision_is_found(decision_store: DecisionStore) -> None:
    """Variants come back by position, with their send and expiry."""
    assert publish(decision_store, "sale", "news") == 1
    found = decision_store.get(R1, HERO, AT, DEFAULT)
    assert found == PublishedDecision(HERO, (VariantId("sale"), VariantId("news")), SEND, False, AT + TTL)


def test_what_is_missing_is_the_default(decision_store: DecisionStore) -> None:
    """A recipient or placement without a decision gets the default, marked as such."""
    publish(decision_store, "sale")
    default = PublishedDecision(HERO, DEFAULT, None, True, None)
    assert decision_store.get(RecipientId("r2"), HERO, AT, DEFAULT) == default
    assert decision_store.get(R1, STORIES, AT, DEFAULT).is_default


def test_what_is_stale_is_the_default(decision_store: DecisionStore) -> None:
    """A decision holds until its expiry and not at it, whether or not the server has deleted it."""
    publish(decision_store, "sale")
    assert not decision_store.get(R1, HERO, AT + TTL - timedelta(seconds=1), DEFAULT).is_default
    assert decision_store.get(R1, HERO, AT + TTL, DEFAULT).is_default


@pytest.mark.parametrize("value", [b"", b"nonsense", b"x|y", b"never|weekly-1|sale", b"99999999999999999999|weekly-1|sale", b"\xff|a|b"])
def test_what_cannot_be_read_is_the_default(decision_store: DecisionStore, redis_url: str, value: bytes) -> None:
    """An entry that something else wrote, or that is damaged, does not reach the reader."""
    with redis.Redis.from_url(redis_url) as client:
        client.hset(f"decisions:{HERO}:{bucket_of(R1)}", R1, value)
    assert decision_store.get(R1, HERO, AT, DEFAULT).is_default


def test_a_later_decision_replaces_the_earlier(decision_store: DecisionStore) -> None:
    """Publishing again for the same recipient and placement puts the new decision in place of the old."""
    publish(decision_store, "sale")
    publish(decision_store, "news")
    assert decision_store.get(R1, HERO, AT, DEFAULT).variants == ("news",)


def test_a_short_lived_decision_does_not_shorten_its_neighbours_life(decision_store: DecisionStore, redis_url: str) -> None:
    """Recipients who share a hash keep their own expiries: the key lives as long as the longest of them."""
    publish(decision_store, "sale", ttl=timedelta(days=8))
    publish(decision_store, "news", ttl=timedelta(hours=1))
    client = redis.Redis.from_url(redis_url)
    lives = client.expiretime(f"decisions:{HERO}:{bucket_of(R1)}")
    client.close()
    assert lives == int((AT + timedelta(days=8)).timestamp())


def test_every_key_expires(decision_store: DecisionStore, redis_url: str) -> None:
    """Nothing is published for ever: each key has an expiry."""
    decision_store.publish([(RecipientId(f"r{number}"), HERO, DEFAULT, SEND) for number in range(500)], TTL, AT)
    client = redis.Redis.from_url(redis_url)
    assert all(client.ttl(key) > 0 for key in client.scan_iter())
    client.close()


def test_many_placements_are_read_at_once(decision_store: DecisionStore) -> None:
    """Several placements of one recipient come back together, each with its own default."""
    publish(decision_store, "sale")
    found = decision_store.many(R1, {HERO: DEFAULT, STORIES: (VariantId("plain"),)}, AT)
    assert found[HERO].variants == ("sale",)
    assert found[STORIES] == PublishedDecision(STORIES, (VariantId("plain"),), None, True, None)


def test_twenty_thousand_decisions_are_published_and_found(decision_store: DecisionStore) -> None:
    """More decisions than a pipeline holds arrive, each at its recipient."""
    rows = [(RecipientId(f"r{number}"), HERO, (VariantId(f"v{number}"),), SEND) for number in range(20_000)]
    assert decision_store.publish(rows, TTL, AT) == 20_000
    for number in (0, 9_999, 19_999):
        assert decision_store.get(RecipientId(f"r{number}"), HERO, AT, DEFAULT).variants == (f"v{number}",)


def test_a_server_that_is_down_serves_defaults_and_refuses_writes() -> None:
    """Readers get the default from a server that is not there; writers are told, without the password."""
    store = DecisionStore("redis://:hunter2@127.0.0.1:1/0")
    assert store.get(R1, HERO, AT, DEFAULT).is_default
    assert store.many(R1, {HERO: DEFAULT}, AT)[HERO].is_default
    for attempt in (store.check, lambda: publish(store, "sale")):
        with pytest.raises(UnavailableError) as caught:
            attempt()
        assert "hunter2" not in str(caught.value)


def test_a_url_of_something_else_is_the_users_mistake() -> None:
    """What is no Redis URL is InputError at once."""
    with pytest.raises(InputError):
        DecisionStore("http://127.0.0.1")


def test_what_is_taken_back_replaces_its_own_send_alone(decision_store: DecisionStore) -> None:
    """Decisions that another send has published since stay, and nobody gets an entry who had none."""
    publish(decision_store, "sale")
    publish(decision_store, "news", placement=STORIES)
    decision_store.publish([(R1, STORIES, (VariantId("later"),), SendId("weekly-2"))], TTL, AT)
    rows = [(who, placement, (VariantId("tested"),), SEND) for who in (R1, RecipientId("r2")) for placement in (HERO, STORIES)]
    assert decision_store.replace(rows, TTL, AT) == 1
    assert decision_store.get(R1, HERO, AT, DEFAULT) == PublishedDecision(HERO, (VariantId("tested"),), SEND, False, AT + TTL)
    assert decision_store.get(R1, STORIES, AT, DEFAULT).variants == ("later",)
    assert decision_store.get(RecipientId("r2"), HERO, AT, DEFAULT).is_default
    assert decision_store.replace(rows, TTL, AT) == 1
