"""A domain never mails more on a day than its warm-up allows, whoever asks at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.message import MessageStatus
from domain.send import SendStatus
from storage.database import Database
from storage.warm_up import WarmUpBook
from tests.storage.departing import AT, DOMAIN, open_send, put

DAY = AT.date()


def test_the_cap_is_shared_by_the_sends_of_a_domain(database: Database) -> None:
    """What one send has set aside another cannot have, and what it gave back another can."""
    book, first, second = WarmUpBook(database), open_send(database, "s"), open_send(database, "t")
    assert book.take(first, DOMAIN, DAY, cap=100, wanted=70) == 70
    assert book.take(second, DOMAIN, DAY, cap=100, wanted=70) == 30
    put(database, first, range(20), MessageStatus.ACCEPTED)
    book.give_back(first, DOMAIN, DAY)
    assert book.take(second, DOMAIN, DAY, cap=100, wanted=100) == 80
    assert book.take(first, DOMAIN, DAY, cap=100, wanted=1) == 0
    assert book.mailed_on(DOMAIN, DAY) == 20


def test_a_send_that_asks_again_has_what_is_left_of_its_share(database: Database) -> None:
    """After a restart: what it mailed today counts, and its old share is not counted beside the new one."""
    book, send_id = WarmUpBook(database), open_send(database, "s")
    assert book.take(send_id, DOMAIN, DAY, cap=100, wanted=1_000) == 100
    put(database, send_id, range(40), MessageStatus.ACCEPTED)
    assert book.take(send_id, DOMAIN, DAY, cap=100, wanted=1_000) == 60


def test_other_domains_and_other_days_count_for_themselves(database: Database) -> None:
    """Reputation is a domain's, and a cap a day's."""
    book, send_id, other = WarmUpBook(database), open_send(database, "s"), open_send(database, "t", domain="leaf.example")
    put(database, other, range(100), MessageStatus.ACCEPTED)
    put(database, send_id, range(30), MessageStatus.ACCEPTED, AT - timedelta(days=1))
    assert book.take(send_id, DOMAIN, DAY, cap=100, wanted=100) == 100
    assert book.take(send_id, DOMAIN, DAY + timedelta(days=1), cap=100, wanted=100) == 100


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (MessageStatus.ACCEPTED, 1),
        (MessageStatus.SENDING, 1),
        (MessageStatus.UNKNOWN, 1),
        (MessageStatus.REJECTED, 1),
        (MessageStatus.PENDING, 0),
        (MessageStatus.FAILED, 0),
        (MessageStatus.EXCLUDED, 0),
    ],
)
def test_whatever_may_have_reached_the_provider_counts(database: Database, status: MessageStatus, counted: int) -> None:
    """A letter of which nobody knows counts; one that was given back or never printed does not."""
    put(database, open_send(database, "s"), [1], status)
    assert WarmUpBook(database).mailed_on(DOMAIN, DAY) == counted


def test_a_letter_of_two_days_counts_for_both(database: Database) -> None:
    """Claimed before midnight and answered after: neither day's cap is passed whichever way it is counted."""
    send_id = open_send(database, "s", at=datetime(2026, 11, 22, 12, tzinfo=UTC))
    [message] = put(database, send_id, [1], MessageStatus.ACCEPTED, datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))
    with database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE messages SET answered_at = '2026-11-23 00:00:01.000000' WHERE message_id = '{message}'")  # noqa: S608
    book = WarmUpBook(database)
    assert [book.mailed_on(DOMAIN, day) for day in (date(2026, 11, 22), DAY, date(2026, 11, 24))] == [1, 1, 0]


def test_a_send_that_ended_before_the_day_is_not_looked_at(database: Database) -> None:
    """Years of history cost nothing."""
    send_id = open_send(database, "s", status=SendStatus.FINISHED, at=AT - timedelta(days=9))
    put(database, send_id, [1], MessageStatus.ACCEPTED)  # which cannot be: the send is over
    assert WarmUpBook(database).mailed_on(DOMAIN, DAY) == 0


def test_many_who_ask_at_once_get_no_more_than_there_is(database: Database) -> None:
    """Ten sends ask from ten threads, mail what they got, give back, and ask again."""
    book = WarmUpBook(database)
    sends = [open_send(database, f"s{number}") for number in range(10)]

    def ask(number: int) -> int:
        got = 0
        for turn in range(4):
            letters = book.take(sends[number], DOMAIN, DAY, cap=100, wanted=7 + number)
            mailed = letters - letters // 3
            if mailed:
                put(database, sends[number], range(turn * 100, turn * 100 + mailed), MessageStatus.ACCEPTED)
            book.give_back(sends[number], DOMAIN, DAY)
            got += mailed
        return got

    with ThreadPoolExecutor(10) as threads:
        total = sum(threads.map(ask, range(10)))
    assert book.mailed_on(DOMAIN, DAY) == total <= 100


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=8))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_asking_mailing_and_giving_back_passes_the_cap(
    sqlite_database: Database, asked: list[tuple[int, int, int, bool]]
) -> None:
    """Each send mails at most what it was given; together they stay under the cap."""
    day = DAY + timedelta(days=_days())
    at = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
    sends = [open_send(sqlite_database, f"{day}-{number}", at=at) for number in range(3)]
    book, letter = WarmUpBook(sqlite_database), 0
    for number, wanted, mailed, gives_back in asked:
        given_letters = book.take(sends[number], DOMAIN, day, cap=100, wanted=wanted)
        going = min(given_letters, mailed)
        if going:
            put(sqlite_database, sends[number], range(letter, letter + going), MessageStatus.ACCEPTED, at)
        letter += going
        if gives_back:
            book.give_back(sends[number], DOMAIN, day)
    assert book.mailed_on(DOMAIN, day) <= 100


_DAYS = iter(range(1, 10_000))


def _days() -> int:
    """A day of its own for each example: they share a database."""
    return next(_DAYS)
