"""Instants in the database are aware UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from domain.message import SuppressionReason
from storage.database import Database
from storage.schema import suppressions
from storage.suppressions import Suppressions

ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis adds the zone


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=INSTANTS)
def test_instants_keep_their_instant(database: Database, at: datetime) -> None:
    """An instant of any time zone comes back as the same instant, in UTC, to the microsecond."""
    store = Suppressions(database)
    store.remove("a@example.org")
    store.add("a@example.org", SuppressionReason.MANUAL, at)
    with database.connect() as connection:
        found = connection.scalar(suppressions.select().with_only_columns(suppressions.c.suppressed_at))
    assert found == at
    assert found is not None
    assert found.tzinfo is UTC


def test_naive_instants_are_refused(database: Database) -> None:
    """A datetime without a time zone is a fault of ours and is not stored."""
    with pytest.raises(StatementError, match="naive"):
        Suppressions(database).add("a@example.org", SuppressionReason.MANUAL, datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
