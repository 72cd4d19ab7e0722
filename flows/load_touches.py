"""Load what people did after letters: their clicks and opens, without machines', and what they bought."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from domain.campaign import Campaign
from domain.event import EventKind
from domain.ids import SendId
from domain.machine import Trace
from domain.send import Send
from experiments.attribution import TOUCH_COLUMNS, in_time
from runtime.house import House
from storage.page_events import PageEvents

_BOUGHT = ("purchase_id", "recipient_id", "category", "amount", "currency", "occurred_at", "received_at")


def load_clicks(house: House, send: Send, campaign: Campaign) -> pd.DataFrame:
    """Clicks on what was decided, in time, with the window of their campaign."""
    traces = house.verdicts.by_people(send.send_id, EventKind.CLICKED)
    return _touches((trace for trace in traces if trace.event.decision_id), timedelta(days=campaign.attribution.click_days))


def load_views(house: House, send: Send, campaign: Campaign) -> pd.DataFrame:
    """Opens, where the campaign asks for them; none elsewhere."""
    days = campaign.attribution.view_days
    traces = house.verdicts.by_people(send.send_id, EventKind.OPENED) if days else ()
    return _touches(traces, timedelta(days=days or 0))


def load_page_touches(house: House, windows: Mapping[SendId, timedelta], kind: EventKind) -> pd.DataFrame:
    """What people clicked (CLICKED) or saw (SHOWN) on pages of what these sends decided, each with its window."""
    found = (event for event in PageEvents(house.database).of(windows) if event.kind is kind)
    rows = [(e.event_id, e.send_id, e.recipient_id, e.decision_id, e.occurred_at, e.received_at, pd.NaT) for e in found]
    touches = _frame(rows)
    return touches.assign(window=touches["send_id"].map(windows).astype("timedelta64[us]"), on_page=True)


def load_purchases(house: House, recipients: Collection[str], since: datetime) -> pd.DataFrame:
    """What these recipients bought since an instant, as `last_touches` takes it."""
    wanted = (ds.field("occurred_at") >= pa.scalar(since, pa.timestamp("us", tz="UTC"))) & ds.field("recipient_id").isin(
        pa.array(sorted(recipients), pa.string())
    )
    return house.lake.dataset("purchases").to_table(columns=list(_BOUGHT), filter=wanted).to_pandas()


def _touches(traces: Iterable[Trace], window: timedelta) -> pd.DataFrame:
    rows = [
        (e.event_id, e.send_id, e.recipient_id, e.decision_id, e.occurred_at, e.received_at, trace.handed_off_at)
        for trace in traces
        for e in (trace.event,)
    ]
    return in_time(_frame(rows), window).assign(window=window, on_page=False)


def _frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    touches = pd.DataFrame(rows, columns=list(TOUCH_COLUMNS)).astype(dict.fromkeys(TOUCH_COLUMNS[:3], "str"))
    for column in ("occurred_at", "received_at", "handed_off_at"):
        touches[column] = pd.to_datetime(touches[column], utc=True)
    return touches
