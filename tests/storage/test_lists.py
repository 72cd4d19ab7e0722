"""Lists as one parameter, on both databases."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database
from storage.lists import rows, texts

printable = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(printable, max_size=8))
def test_texts_come_back_as_they_are_and_in_their_order(database: Database, values: list[str]) -> None:
    """Quotes, backslashes and any alphabet included."""
    with database.connect() as connection:
        assert list(connection.scalars(texts(values))) == values


def test_a_list_may_be_longer_than_a_statement_has_room_for_placeholders(database: Database) -> None:
    """100,000 values are one parameter; both databases stop at fewer placeholders than that."""
    wanted = sa.literal("99999").in_(texts(str(number) for number in range(100_000)))
    with database.connect() as connection:
        assert connection.scalar(sa.select(wanted))
        assert not connection.scalar(sa.select(sa.literal("x").in_(texts([]))))


def test_rows_have_their_fields_under_the_names_given(database: Database) -> None:
    """Field by field, in the order of the rows."""
    with database.connect() as connection:
        found = connection.execute(rows([("a", "1"), ("b", "2")], ["letter", "number"])).all()
    assert [(row.letter, row.number) for row in found] == [("a", "1"), ("b", "2")]


def test_half_a_character_is_refused_as_drivers_refuse_it() -> None:
    """No database has a place for a lone surrogate."""
    with pytest.raises(UnicodeError):
        texts(["\ud800"])
