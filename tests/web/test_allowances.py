"""A write key that leaks fills no store: what it may bring is bounded, in all and by network."""

from dataclasses import dataclass

import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from domain.site_event import EventRates
from storage.events import Events
from tests.web.serving import AT, Served
from web.allowances import Allowances, cost_of
from web.app import create_app


@dataclass
class Seconds:
    """A clock that is moved by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_at_once_and_then_the_rate() -> None:
    """A bucket of ten a second holds six hundred; empty, it says when to come again; nothing is taken by who is refused."""
    clock = Seconds()
    allowances = Allowances(EventRates(per_key=10), clock)
    assert [allowances.take("k", None, 200) for _ in range(3)] == [0, 0, 0]
    assert allowances.take("k", None, 1) == allowances.take("k", None, 1) == 1
    clock.now += 1
    assert allowances.take("k", None, 10) == 0
    assert allowances.take("other", None, 600) == 0


def test_no_batch_is_too_large() -> None:
    """What is larger than a bucket is taken from one that is not empty, and the debt is waited for."""
    clock = Seconds()
    allowances = Allowances(EventRates(per_key=1), clock)
    assert allowances.take("k", None, 2_500) == 0
    assert allowances.take("k", None, 1) == 2_441
    clock.now += 2_441
    assert allowances.take("k", None, 1) == 0


def test_networks_have_buckets_of_their_own() -> None:
    """One network's flood leaves the others be, until the key's bucket is empty; networks that are nobody's have that alone."""
    allowances = Allowances(EventRates(per_key=4, per_network=1), Seconds())
    assert allowances.take("k", "a", 60) == 0
    assert allowances.take("k", "a", 1) == 1
    assert [allowances.take("k", network, 60) for network in ("b", None, "d")] == [0, 0, 0]
    assert allowances.take("k", "e", 1) == 1


def test_without_rates_everything_comes() -> None:
    """0 is no bound."""
    allowances = Allowances(EventRates(), Seconds())
    assert not any(allowances.take("k", "a", 1e9) for _ in range(3))


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 5_000)), max_size=60), st.integers(1, 50))
def test_never_more_than_a_minute_and_the_rate_and_one_request(asked: list[tuple[float, int]], rate: int) -> None:
    """Over any time no more comes in than what the bucket holds, what flows in, and the one request that is larger."""
    clock, taken = Seconds(), 0
    allowances = Allowances(EventRates(per_key=rate), clock)
    for wait, cost in asked:
        clock.now += wait
        taken += cost if allowances.take("k", None, cost) == 0 else 0
        assert taken <= rate * (60 + clock.now) + max(cost for _, cost in asked)


@pytest.mark.parametrize(("calls", "size", "cost"), [(0, 10, 1), (1, 999, 1), (1, 32_000, 32), (2_500, 500_000, 2_500), (3, 512_000, 512)])
def test_costs(calls: int, size: int, cost: float) -> None:
    """Calls, or kilobytes if these are more: the store fills by both."""
    assert cost_of(calls, size) == cost


def _call(number: int) -> bytes:
    return orjson.dumps({"type": "page", "userId": "r1", "messageId": f"m{number}", "writeKey": "a-key-of-the-shop"})


def test_a_flood_over_http(parts: Served) -> None:
    """429 with Retry-After and for every origin to read; nothing of it is stored, it is counted, and other networks still come in."""
    parts.event_rates = EventRates(per_network=1)
    app = create_app(parts)
    flooding, other = (TestClient(app, client=(host, 1)) for host in ("8.8.8.8", "9.9.9.9"))
    answers = []
    while not answers or answers[-1].status_code == 200:  # the slower the machine, the more of them come in
        answers.append(flooding.post("/v1/page", content=_call(len(answers))))
    last = answers.pop()
    assert len(answers) >= 60
    assert (last.status_code, last.headers["retry-after"], last.headers["access-control-allow-origin"]) == (429, "1", "*")
    assert last.json()["code"] == "too_many_requests"
    assert other.post("/v1/page", content=_call(100_000)).status_code == 200
    assert sum(1 for _ in Events(parts.database).between(AT.replace(year=2020), AT.replace(year=2030))) == len(answers) + 1
    figures = TestClient(app, client=("127.0.0.1", 1)).get("/metrics").text
    assert 'letterpress_refused_total{reason="more events than this write key may send at present",route="/v1/page"}' in figures
