"""What a value is counted in."""

from collections.abc import Collection
from datetime import datetime

from domain.campaign import Goal
from domain.errors import InputError
from ranking.history import History, opened

_CURRENCIES = """
SELECT DISTINCT coalesce(o.currency, '') FROM outcomes o JOIN decisions d USING (decision_id)
WHERE o.kind = 'conversion' AND coalesce(o.value, 0) <> 0 AND o.received_at < $as_of
  AND (len($placements) = 0 OR list_contains($placements, d.placement)) ORDER BY 1
"""
_COUNTED = {Goal.CLICK: "clicks", Goal.CONVERSION: "conversions"}


def unit_of(history: History, goal: Goal, as_of: datetime, placements: Collection[str]) -> str:
    """Clicks, conversions, or the currency of the revenue ("revenue" if no outcome names one).

    InputError if amounts are in several currencies: their sum means nothing.
    """
    if goal in _COUNTED:
        return _COUNTED[goal]
    with opened(history) as connection:
        found = [row[0] for row in connection.execute(_CURRENCIES, {"as_of": as_of, "placements": sorted(placements)}).fetchall()]
    named = [currency for currency in found if currency]
    if len(named) > 1:
        raise InputError(
            f"revenue is in {' and '.join(named)}, which cannot be added up",
            hint="import it converted to one currency, or evaluate one currency's placements alone",
        )
    return named[0] if named else "revenue"
