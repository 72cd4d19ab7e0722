"""The filters of letters beyond Jinja's own. In English, whatever the machine's locale: the same letter has the same bytes everywhere."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from jinja2.exceptions import FilterArgumentError

_SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def number(value: float, decimals: int = 0) -> str:
    """12345.678 → 12,346; `number(2)` → 12,345.68."""
    return f"{float(value):,.{int(decimals)}f}"


def money(value: float, currency: str = "EUR") -> str:
    """19.9 → €19.90; `money("CHF")` → CHF 19.90. Negative amounts carry the sign in front."""
    amount, sign = float(value), _SIGNS.get(currency, f"{currency} ")
    return f"{'-' if amount < 0 else ''}{sign}{abs(amount):,.2f}"


def day(value: date | str, style: str = "long") -> str:
    """A date as `long` 23 November 2026, `short` 23 Nov, `weekday` Monday 23 November, `month` November or `iso` 2026-11-23."""
    on = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    month = _MONTHS[on.month - 1]
    styles = {
        "long": f"{on.day} {month} {on.year}",
        "short": f"{on.day} {month[:3]}",
        "weekday": f"{_DAYS[on.weekday()]} {on.day} {month}",
        "month": month,
        "iso": (on.date() if isinstance(on, datetime) else on).isoformat(),
    }
    if style not in styles:
        raise FilterArgumentError("date takes long, short, weekday, month or iso")
    return styles[style]


FILTERS: Mapping[str, Callable[..., Any]] = {"number": number, "money": money, "date": day}
