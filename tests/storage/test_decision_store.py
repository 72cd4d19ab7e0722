"""The decision store on a real server: what is missing, stale or out of reach is the default."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import redis

from domain.decision import PublishedDecision
from domain.errors import InputError, UnavailableError
from domain.ids import INSTEAD, PlacementId, RecipientId, SendId, VariantId, session_send_id_of
from storage.decision_layout import HASHES, key_of, place_of
from storage.decision_store import DecisionStore
from storage.redis_wire import RedisPlace, Wire, packed

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


@pytest.mark.parametrize(
    "value",
    [b"", b"nonsense", b"zzzzz.0", b".0:0,0", b"zzzzzzz.9:0,0", b"zzzzzz.0:0,9", b"zzzzzzzzzzzzz.0:0,0", b"\xff.0:0,0", b"-1.0:0,0"],
)
def test_what_cannot_be_read_is_the_default(decision_store: DecisionStore, redis_url: str, value: bytes) -> None:
    """An entry that something else wrote, or that is damaged, does not reach the reader."""
    with redis.Redis.from_url(redis_url) as client:
        client.hset(key_of("weekly", place_of(R1)[0]), place_of(R1)[1], value)
    publish(decision_store, "sale", who=RecipientId("r2"))  # so that there are words, with the codes 0
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
    lives = client.expiretime(key_of("weekly", place_of(R1)[0]).decode())
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


def test_what_is_taken_back_replaces_what_a_session_changed_too(decision_store: DecisionStore) -> None:
    """Decided within a session on top of a refresh, it is of that refresh; another refresh's is not, nor is a session's on top of that."""
    refresh, later = SendId("weekly-1"), SendId("weekly-2")
    instead = session_send_id_of(refresh, INSTEAD)
    stands = {"r1": refresh, "r2": session_send_id_of(refresh, 7), "r3": session_send_id_of(later, 7), "r4": instead}
    for who, send in stands.items():
        decision_store.publish([(RecipientId(who), HERO, (VariantId("sale"),), send)], TTL, AT)
    rows = [(RecipientId(who), HERO, (VariantId("tested"),), instead) for who in stands]
    assert decision_store.replace(rows, TTL, AT) == 3
    found = {who: decision_store.get(RecipientId(who), HERO, AT, DEFAULT) for who in stands}
    assert {who for who, one in found.items() if one.variants == ("tested",) and one.send_id == instead} == {"r1", "r2", "r4"}
    assert found["r3"].send_id == stands["r3"]


def test_placements_are_published_one_after_the_other(decision_store: DecisionStore) -> None:
    """What a campaign has published for a recipient before stays when another of its placements is, with its own send and expiry."""
    publish(decision_store, "sale", ttl=timedelta(hours=1))
    decision_store.publish([(R1, STORIES, (VariantId("a"), VariantId("b")), SendId("weekly-2+3"))], TTL, AT)
    assert decision_store.get(R1, HERO, AT, DEFAULT) == PublishedDecision(HERO, (VariantId("sale"),), SEND, False, AT + timedelta(hours=1))
    found = decision_store.get(R1, STORIES, AT, DEFAULT)
    assert found == PublishedDecision(STORIES, (VariantId("a"), VariantId("b")), SendId("weekly-2+3"), False, AT + TTL)


def test_campaigns_do_not_touch_each_other(decision_store: DecisionStore) -> None:
    """The same recipient's placements of two campaigns are read in one go, and published apart."""
    home = PlacementId("web.home_hero")
    publish(decision_store, "sale")
    publish(decision_store, "tents", placement=home)
    publish(decision_store, "news")
    found = decision_store.many(R1, {HERO: DEFAULT, home: DEFAULT}, AT)
    assert (found[HERO].variants, found[home].variants) == (("news",), ("tents",))


def test_two_writers_lose_nothing(redis_url: str) -> None:
    """Who adds to what somebody else changes at the same time starts anew: after it, both placements are there for everybody."""
    people = [RecipientId(f"r{number}") for number in range(300)]

    def write(placement: PlacementId) -> None:
        store = DecisionStore(redis_url)
        for _ in range(5):
            store.publish([(who, placement, DEFAULT, SEND) for who in people], TTL, AT)
        store.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, (HERO, STORIES)))
    store = DecisionStore(redis_url)
    assert all(not found.is_default for who in people for found in store.many(who, {HERO: (), STORIES: ()}, AT).values())
    store.close()


def test_hashes_stay_packed(decision_store: DecisionStore, redis_url: str) -> None:
    """As many recipients in one hash as 50 million make, with three placements each, are one packed list to Redis."""
    several = [HERO, STORIES, PlacementId("weekly.offer")]
    neighbours: list[RecipientId] = []
    numbers = count()
    shared = place_of(R1)[0] % 2_048
    while len(neighbours) < 381:
        who = RecipientId(f"c{next(numbers)}")
        if place_of(who)[0] % 2_048 == shared:
            neighbours.append(who)
    with redis.Redis.from_url(redis_url) as client:
        for start in range(0, len(neighbours), 100):
            rows = [(who, placement, (VariantId(f"v{n % 40}"),), SEND) for n, who in enumerate(neighbours[start:]) for placement in several]
            decision_store.publish(rows, TTL, AT)
        for who in neighbours:
            client.hset("all", place_of(who)[1].decode(), client.hget(key_of("weekly", place_of(who)[0]), place_of(who)[1].decode()))
        assert client.object("encoding", "all") == b"listpack"
    assert HASHES * 381 > 49_900_000


def test_what_is_held_is_told_in_words_and_forgotten(decision_store: DecisionStore, redis_url: str) -> None:
    """A recipient's decisions can be handed over in words; once forgotten nothing of them is left, and others' are."""
    publish(decision_store, "sale", "news")
    publish(decision_store, "tents", placement=PlacementId("web.home_hero"))
    publish(decision_store, "sale", who=RecipientId("r2"))
    assert decision_store.held(R1)[HERO] == f"sale, news by {SEND} until {AT + TTL:%Y-%m-%dT%H:%M:%SZ}"
    assert decision_store.forget(R1) == 2
    assert decision_store.held(R1) == {}
    assert not decision_store.get(RecipientId("r2"), HERO, AT, DEFAULT).is_default
    assert decision_store.forget(R1) == 0


def test_words_are_learned_again_after_the_server_lost_everything(decision_store: DecisionStore, redis_url: str) -> None:
    """A reader that knows words of before meets codes it does not know, and looks them up."""
    publish(decision_store, "sale")
    assert decision_store.get(R1, HERO, AT, DEFAULT).variants == ("sale",)
    publish(decision_store, "news", "other", "third")
    assert decision_store.get(R1, HERO, AT, DEFAULT).variants == ("news", "other", "third")


def test_words_that_nothing_needs_are_dropped(decision_store: DecisionStore, redis_url: str) -> None:
    """Sends come and go: a word that no decision can hold any more makes room when something is published; those in use stay."""
    for day in range(5):
        rows = [(R1, HERO, (VariantId("sale"),), SendId(f"weekly-{day}"))]
        decision_store.publish(rows, timedelta(days=1), AT + timedelta(days=3 * day))
    client = redis.Redis.from_url(redis_url)
    words: Sequence[bytes] = client.hvals("decisions:weekly:words")  # type: ignore[assignment]
    client.close()
    assert sum(b" weekly-" in word for word in words) == 1
    assert not decision_store.get(R1, HERO, AT + timedelta(days=12), DEFAULT).is_default


def test_a_wire_tells_who_it_is(redis_url: str) -> None:
    """User, password and database of the URL are said when connecting, and are not shown."""
    place = RedisPlace.of(f"{redis_url}?db=3")
    wire = Wire(place, 5.0)
    [name] = wire.ask(packed(b"CLIENT", b"INFO"), 1)
    wire.close()
    assert b"db=3" in name
    secret = RedisPlace.of("redis://ann:hunter2@db.example:6380/2")
    assert (secret.host, secret.port, secret.greetings) == ("db.example", 6380, 2)
    assert b"hunter2" in secret.greeting
    assert "hunter2" not in repr(secret)
