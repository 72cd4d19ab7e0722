"""Collect feedback: events and purchases that came in, from the database into the lake, day by day."""

from contextlib import suppress
from datetime import datetime, timedelta

from prefect import flow, get_run_logger

from domain.errors import InputError
from flows.score_machines import score_recent
from runtime.clock import now
from runtime.house import House, shared_house
from storage.feedback import Feedback


@flow(name="collect-feedback")
def collect_feedback(rebuild: bool = False) -> int:
    """Collect the days that closed since the last time, or all of them anew; returns how many. Repeating changes nothing."""
    days = collect_closed(shared_house(), rebuild=rebuild)
    get_run_logger().info("%d days collected", days)
    return days


def collect_closed(house: House, *, rebuild: bool = False) -> int:
    """`collect_feedback` for those who have the house open. Machines are told from people first: what is theirs goes nowhere."""
    at = now()
    score_recent(house, at)
    house.site_events.claim(at)
    feedback = Feedback(house.database, house.lake, since=_since(house.settings.collect_since))
    pending = feedback.pending(at - timedelta(minutes=house.settings.collect_settle_minutes), rebuild=rebuild)
    for day in pending:
        feedback.collect(day, at)
    return len(pending)


def _since(text: str) -> datetime | None:
    if not text:
        return None
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found
    raise InputError("not an instant with a time zone", where="collect_since", hint="such as 2026-11-01T00:00:00Z")
