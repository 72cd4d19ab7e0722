"""Rooms that may not know each other agree on what stands between them."""

import pytest

from ranking import history
from storage import lake_schema


@pytest.mark.parametrize("table", ["DECISIONS", "OUTCOMES", "EVENTS", "PURCHASES"])
def test_the_ranker_reads_the_columns_that_the_lake_keeps(table: str) -> None:
    """The ranker's idea of a lake table has the same columns and types as the lake's own."""
    kept = {field.name: field.type for field in getattr(lake_schema, table)}
    assert {field.name: field.type for field in getattr(history, table)} == kept
