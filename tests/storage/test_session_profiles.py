"""Session profiles: sets of acts, whoever adds them and however often."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
import redis

from domain.event import EventKind
from domain.signal import ANONYMOUS, KINDS, Act, SessionRule, Signal
from storage.session_profiles import SessionProfiles

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULE = SessionRule(most=5)


def act(number: int) -> Act:
    """A search, the number-th."""
    at = AT + timedelta(seconds=number)
    return Act(f"e{number:03d}", EventKind.SEARCHED, at, at, None, f"query {number}")


@pytest.fixture
def profiles(redis_url: str) -> Iterator[SessionProfiles]:
    """Of nobody yet."""
    made = SessionProfiles(redis_url, RULE)
    yield made
    made.close()


def test_acts_are_a_set_in_the_order_of_time(profiles: SessionProfiles) -> None:
    """Shuffled, told twice and in pieces they are what they are in order and at once."""
    shuffled = [Signal("r1", act(number)) for number in (0, 1, 2, 3, 0, 3)]
    Random(1).shuffle(shuffled)
    for one in shuffled:
        found = profiles.add([one])
    assert found == {"r1": tuple(map(act, range(4)))} == {"r1": profiles.get("r1")}


def test_the_first_telling_holds(profiles: SessionProfiles) -> None:
    """An event that is sent again was received later and is the same act."""
    profiles.add([Signal("r1", act(1))])
    again = Act("e001", EventKind.SEARCHED, act(1).occurred_at, AT + timedelta(hours=1), None, "query 1")
    assert profiles.add([Signal("r1", again)]) == {"r1": (act(1),)}


def test_a_profile_is_bounded(profiles: SessionProfiles, redis_url: str) -> None:
    """The last acts count, and others are not kept for long."""
    for number in range(40):
        found = profiles.add([Signal("r1", act(number))])
    assert found["r1"] == tuple(map(act, range(35, 40)))
    assert redis.Redis.from_url(redis_url).hlen("session:r1") <= 11


def test_a_profile_ends_with_its_session(profiles: SessionProfiles, redis_url: str) -> None:
    """By itself, after the pause that ends a session; what decisions were made from as well."""
    profiles.add([Signal("r1", act(1))])
    profiles.tell({"r1": {"hats": 0.5}})
    client = redis.Redis.from_url(redis_url)
    for key in ("session:r1", "session:told:r1"):
        assert 0 < client.ttl(key) <= (RULE.idle + timedelta(minutes=1)).total_seconds()


def test_what_an_anonymous_visitor_did_becomes_theirs(profiles: SessionProfiles) -> None:
    """Once it is known who it is; nobody else gets it after that."""
    anonymous = ANONYMOUS + "x"
    profiles.add([Signal(anonymous, act(1)), Signal("r1", act(2))])
    assert profiles.add([Signal("r1", act(3), was=anonymous)]) == {"r1": (act(1), act(2), act(3))}
    assert profiles.get(anonymous) == ()
    assert profiles.add([Signal("r2", act(4), was=anonymous)]) == {"r2": (act(4),)}


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind not in KINDS])
def test_saying_who_one_is_is_no_act(profiles: SessionProfiles, kind: EventKind) -> None:
    """An identify call, or any event that a session is not made of, brings what was done before, and is not among it."""
    anonymous = ANONYMOUS + "x"
    said = Act("said", kind, AT, AT)
    assert profiles.add([Signal("r1", said, was=anonymous)]) == {"r1": ()}
    profiles.add([Signal(anonymous, act(1))])
    assert profiles.add([Signal("r1", said, was=anonymous)]) == {"r1": (act(1),)}


def test_what_a_decision_was_made_from_is_remembered(profiles: SessionProfiles) -> None:
    """For those for whom there was one."""
    profiles.tell({"r1": {"hats": 0.25}, "r2": {}})
    assert profiles.told(["r1", "r2", "r3"]) == {"r1": {"hats": 0.25}, "r2": {}}
    assert profiles.told([]) == {}


def test_a_visitor_can_be_forgotten(profiles: SessionProfiles) -> None:
    """With everything that is kept of them."""
    profiles.add([Signal("r1", act(1)), Signal("r2", act(2))])
    profiles.tell({"r1": {"hats": 1.0}})
    assert (profiles.forget("r1"), profiles.forget("r1")) == (1, 0)
    assert profiles.get("r1") == () and profiles.told(["r1"]) == {}
    assert profiles.get("r2") == (act(2),)
