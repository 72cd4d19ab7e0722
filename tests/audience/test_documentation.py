"""docs/audience.md."""

import re
from pathlib import Path

import pytest

from audience.columns import STANDARD_TYPES
from audience.expressions import parse
from domain.errors import InvalidInput
from domain.message import Exclusion
from domain.recipient import AttributeKind

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audience.md").read_text(encoding="utf-8")
FAMILIES = PAGE.split("| family |")[1].split("\n\n")[0]
FUNCTIONS = sorted(set(re.findall(r"`([a-z_]+)`", FAMILIES)))


CALLS = (
    *("{}(orders) IS NULL", "{}(country) IS NULL", "{}(created_at) IS NULL", "{}(country, country) IS NULL", "{}(orders, orders) IS NULL"),
    *("{}('day', created_at, as_of) IS NULL", "{}(country, '%Y') IS NULL", "{}(created_at, '%Y') IS NULL", "{}('day', created_at) IS NULL"),
    *("{}(country, 1) IS NULL", "{}(country, 'a', 1) IS NULL", "{}(2026, 11, 23) IS NULL", "{}(country, 'a', 'b') IS NULL"),
    *("{}(1) IS NULL", "{}(consent, orders, 1) IS NULL", "{}(day FROM created_at) = 1"),
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_documented_functions_are_allowed(function: str) -> None:
    """Every function the page lists can be called in some way."""
    assert any(is_sound(call.format(function)) for call in CALLS)


def is_sound(text: str) -> bool:
    try:
        parse(text, {"country": AttributeKind.TEXT, "orders": AttributeKind.NUMERIC})
    except InvalidInput:
        return False
    return True


def test_functions_were_found() -> None:
    """The page's table was read."""
    assert {"lower", "date_diff", "regexp_matches", "coalesce"} <= set(FUNCTIONS)
    assert len(FUNCTIONS) > 60


def test_documented_columns_and_reasons() -> None:
    """The page names every standard column, and every reason for which `select` leaves somebody out, in order of precedence."""
    assert all(f"`{column}`" in PAGE for column in STANDARD_TYPES)
    reasons = [reason.value for reason in Exclusion if reason not in {Exclusion.CANCELLED, Exclusion.DEADLINE}]  # they come later
    assert re.findall(r"^\| `(\w+)` \|", PAGE.split("| reason |")[1], re.MULTILINE) == reasons
