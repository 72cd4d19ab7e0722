"""Expire refreshes: an hourly one of a million recipients would fill the lake. What people saw of it stays, as do counts and content."""

from datetime import datetime, timedelta

from domain.campaign import Surface
from domain.holding import LEFT_OPEN, shown_for
from domain.send import Send
from flows.admit_visitors import LINES
from flows.compute_shard_features import CANDIDATE_FEATURES
from flows.decide_shards import CONTEXTS
from flows.find_visitors import ACTIVITY, VISITORS
from flows.load_basis import REFRESHED
from flows.return_to_incumbent import REPUBLISHED, REPUBLISHED_FEATURES
from flows.trace_page_events import SESSIONS, trace_page_events
from runtime.house import House

WORKINGS = (ACTIVITY, VISITORS, LINES, "audience", "features", CANDIDATE_FEATURES, "exposures", "prices", CONTEXTS)
_LOOKED_BACK = timedelta(days=400)  # none holds for longer than a year
DECIDED = (REFRESHED, SESSIONS, "session_signals", REPUBLISHED, REPUBLISHED_FEATURES)


def expire_refreshes(house: House, at: datetime) -> int:
    """Remove what refreshes decided, and from what, once that is older than the settings say; returns of how many. What came in about
    them by now is traced first. Repeating removes nothing more."""
    keep = timedelta(days=house.settings.refreshed_days)
    sends = house.sends.list(surface=Surface.WEB, since=at - keep - _LOOKED_BACK)
    old = [send for send in sends if send.as_of < at - keep - LEFT_OPEN]
    due = [send for send in old if house.lake.exists(REFRESHED, {"send_id": send.send_id}) and not house.runs.live(send.send_id, at)]
    due = [send for send in due if not _still_held(house, send, at)]
    if due:
        trace_page_events(house, at)
    return sum(_expire(house, send) for send in due)


def _still_held(house: House, send: Send, at: datetime) -> bool:
    """Whether a page may still show some of it."""
    return at < send.as_of + shown_for(house.contents.load(send.content_version).campaign)


def _expire(house: House, send: Send) -> bool:
    """The decisions last, so that a crash before repeats it all."""
    removed = [house.lake.remove(table, {"send_id": send.send_id}) for table in (*WORKINGS, *DECIDED[1:], DECIDED[0])]
    return sum(removed) > 0
