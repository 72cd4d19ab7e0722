"""The pace: what may leave now, over any course of questions."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.pace import Bucket, ByCall, LocalPace, Pace, Strictest, Unpaced
from domain.pace import DECREASE, HOLD, LONGEST_WAIT, Allowance

START = 1_800_000_000.0
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)

rates = st.floats(0.05, 5_000)
spans = st.sampled_from([0.25, 0.5, 1.0])
steps = st.lists(st.tuples(st.integers(1, 2_000), st.floats(0, 2)), min_size=1, max_size=60)


@given(rates, spans, steps)
def test_never_more_than_the_rate_and_a_burst(rate: float, span: float, asked: list[tuple[int, float]]) -> None:
    """Over any stretch, what was granted is at most what came in meanwhile and two helpings."""
    bucket, now, granted = Bucket.new(Allowance(rate, span), START), START, list[tuple[float, int]]()
    for wanted, later in asked:
        now += later
        bucket, leave = bucket.take(wanted, now)
        assert 0 <= leave.messages <= wanted and (leave.messages > 0) == (leave.wait == 0.0)
        granted.append((now, leave.messages))
    for place, (since, _) in enumerate(granted):
        allowed = (now - since) * rate + 2 * bucket.helping
        assert sum(count for _, count in granted[place:]) <= allowed + 1e-3


@given(rates, spans, st.integers(1, 2_000))
def test_whoever_waits_as_told_is_let_go(rate: float, span: float, wanted: int) -> None:
    """The wait is neither too short nor much too long: after it there is leave, a millisecond before there is none."""
    bucket = replace(Bucket.new(Allowance(rate, span), START), tokens=0.0)
    _, refused = bucket.take(wanted, START)
    assert refused.messages == 0
    _, early = bucket.take(wanted, START + refused.wait * 0.99)
    _, leave = bucket.take(wanted, START + refused.wait * 1.000001 + 1e-6)
    assert (early.messages, leave.messages) == (0, min(wanted, bucket.helping))


@given(rates, spans, st.integers(1, 500))
@settings(max_examples=30)
def test_who_always_asks_gets_the_whole_rate(rate: float, span: float, wanted: int) -> None:
    """Over ten thousandths of an hour or forty helpings, whichever is longer, a caller who waits as told, and a little, loses nothing."""
    bucket, now, count = Bucket.new(Allowance(rate, span), START), START, 0
    seconds = max(36.0, 40 * max(span, 1 / rate))
    for _ in range(100_000):
        bucket, leave = bucket.take(wanted, now)
        count += leave.messages
        now += leave.wait * 1.01 + 1e-6
        if now > START + seconds:
            break
    assert count == pytest.approx((now - START) * rate, rel=0.05, abs=2 * bucket.helping)


@given(rates, st.integers(1, 100))
def test_what_is_given_back_can_be_taken_again(rate: float, count: int) -> None:
    """Tokens of letters that did not leave are there for others, and no more than fit."""
    bucket = Bucket.new(Allowance(rate, 1.0), START)
    after, leave = bucket.take(count, START)
    assert after.give_back(leave.messages, START).tokens == pytest.approx(bucket.tokens)
    assert bucket.give_back(10**6, START).tokens == 2 * bucket.helping


@given(rates, st.lists(st.floats(HOLD, 5), min_size=1, max_size=30))
def test_throttling_multiplies_and_flow_adds(ceiling: float, gaps: list[float]) -> None:
    """Every throttling takes three tenths of the rate, down to what is always tried; flow never takes it over the ceiling."""
    bucket, now = Bucket.new(Allowance(ceiling), START), START
    for gap in gaps:
        now += gap
        before = bucket.rate
        bucket = bucket.slow_down(None, now)
        assert bucket.rate == pytest.approx(max(bucket.floor, before * DECREASE))
    for _ in range(400):
        now += 1.0
        before = bucket.rate
        bucket = bucket.flowed(math.ceil(bucket.rate), now)
        assert before <= bucket.rate <= ceiling
    assert bucket.rate == pytest.approx(ceiling)


def test_answers_to_what_had_left_before_count_once() -> None:
    """Eight batches on their way that are throttled together are one throttling."""
    bucket = Bucket.new(Allowance(100.0), START)
    for late in range(8):
        bucket = bucket.slow_down(None, START + 1 + late * 0.1)
    assert bucket.rate == 70.0


def test_nobody_asks_before_the_esp_wishes() -> None:
    """The longest wish holds, for an hour at most; it holds without a limit too."""
    bucket = Bucket.new(Allowance(None), START).slow_down(5.0, START).slow_down(2.0, START)
    bucket, leave = bucket.take(1, START + 4)
    assert (leave.messages, leave.wait) == (0, 1.0)
    assert bucket.take(1, START + 5)[1].messages == 1
    assert bucket.slow_down(1e9, START + 5).not_before == START + 5 + LONGEST_WAIT


@given(st.floats(20, 5_000), st.floats(1, 30))
def test_without_a_ceiling_the_first_throttling_shows_the_rate(flow: float, seconds: float) -> None:
    """Until then everything may go; then it is the throughput that was observed, less three tenths."""
    bucket, now = Bucket.new(Allowance(None), START), START
    assert bucket.take(10**6, START)[1].messages == 10**6
    bucket, _ = bucket.take(1, START)
    for _ in range(int(seconds * 10)):
        now += 0.1
        bucket = bucket.flowed(max(1, round(flow / 10)), now)
    steady = max(1, round(flow / 10)) * 10
    slower = bucket.slow_down(None, now)
    assert slower.rate == pytest.approx(steady * DECREASE, rel=0.1)


@given(st.floats(2, 2_000), st.one_of(st.none(), st.floats(2, 4_000)))
@settings(max_examples=30)
def test_it_finds_an_unknown_limit_and_stays_near_it(limit: float, ceiling: float | None) -> None:
    """Against an ESP that throttles above a limit: four fifths of it or more get through, and few calls are wasted, whatever is set."""
    bucket, now, taken, throttled, room = Bucket.new(Allowance(ceiling), START), START, 0, 0, limit
    for tick in range(6_000):  # ten minutes
        now += 0.1
        room = min(limit, room + limit / 10)
        bucket, leave = bucket.take(max(1, math.ceil(limit / 4)), now)
        if leave.messages and room >= leave.messages:
            room -= leave.messages
            bucket = bucket.flowed(leave.messages, now)
            taken += leave.messages if tick >= 3_000 else 0
        elif leave.messages:
            bucket = bucket.slow_down(None, now)
            throttled += tick >= 3_000
    reachable = min(limit, ceiling or limit)
    assert taken / 300 >= 0.7 * reachable
    assert throttled <= 300 / 2


@given(st.integers(0, 2**32))
@settings(max_examples=10)
def test_refusals_that_are_not_about_the_rate_do_not_starve_it(seed: int) -> None:
    """One call of twenty throttled at random, as a fault would: the rate stays within reach of what flowed before."""
    bucket, now, taken, chance = Bucket.new(Allowance(None), START), START, 0, Random(seed)
    for tick in range(3_000):  # five minutes, ten calls of ten letters a second where they may
        now += 0.1
        bucket, leave = bucket.take(10, now)
        if not leave.messages:
            continue
        throttled = tick > 100 and chance.random() < 0.05
        bucket = bucket.slow_down(None, now) if throttled else bucket.flowed(leave.messages, now)
        taken += 0 if throttled else leave.messages
    assert taken / 300 >= 25


def test_a_campaigns_own_limit_is_not_an_account() -> None:
    """What does not adapt is as it was told."""
    bucket = Bucket.new(Allowance(10.0, adapts=False), START)
    assert bucket.slow_down(60.0, START) == bucket


@given(st.lists(rates, min_size=1, max_size=4), steps)
def test_the_strictest_of_several_wins_and_no_token_leaks(several: list[float], asked: list[tuple[int, float]]) -> None:
    """What is granted together each of them would have granted; and what each has left is what it had, less what really went."""
    buckets = [Bucket.new(Allowance(rate, 0.25), AT.timestamp()) for rate in several]
    paces = [LocalPace(Allowance(rate, 0.25), at=AT) for rate in several]
    together, now = Strictest(paces), AT
    for wanted, later in asked:
        now += timedelta(seconds=later)
        leave = together.take(wanted, at=now)
        own = [bucket.until(now.timestamp()) for bucket in buckets]
        assert leave.messages <= min(bucket.tokens for bucket in own) + 1e-3
        buckets = [replace(bucket, tokens=bucket.tokens - leave.messages) for bucket in own]
    for pace, bucket in zip(paces, buckets, strict=True):
        assert pace._bucket.until(now.timestamp()).tokens == pytest.approx(bucket.tokens, abs=1e-3)


def test_a_call_is_a_call_however_many_letters_it_has() -> None:
    """Where calls are counted, one is let go with all of its letters; reports count calls too."""
    calls = LocalPace(Allowance(2.0), at=AT)
    pace = ByCall(calls)
    assert pace.take(100, at=AT).messages == 100
    assert (pace.take(100, at=AT).messages, pace.take(100, at=AT).wait) == (0, 0.5)
    pace.give_back(40, at=AT)
    assert pace.take(1, at=AT).messages == 0
    pace.slow_down(None, at=AT)
    before = calls._bucket.rate
    pace.flowed(100, at=AT + timedelta(seconds=1))
    assert before < calls._bucket.rate <= 2.0


def test_no_pace_is_no_limit() -> None:
    """A folder takes what it is given."""
    free: Pace = Unpaced()
    free.slow_down(100.0, at=AT)
    free.flowed(1, at=AT)
    free.give_back(1, at=AT)
    assert free.take(10**6, at=AT).messages == 10**6


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    """Time that runs backwards neither grants nor takes tokens."""
    bucket, _ = Bucket.new(Allowance(10.0), START).take(2, START)
    assert bucket.until(START - 100).tokens == bucket.tokens
    assert bucket.until(START - 100).at == START
