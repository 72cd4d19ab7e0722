"""Trace events of pages to the decisions that they name, and keep what people saw: only that is learned from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from domain.campaign import Surface
from domain.decision import SEEN_ON_PAGE
from domain.hashing import bucket_of
from domain.holding import LEFT_OPEN, held_for
from domain.ids import CampaignId, SendId
from domain.page_event import PageEvent
from domain.send import Send
from experiments.tracing import Published, traced
from flows.load_basis import REFRESHED
from flows.return_to_incumbent import REPUBLISHED
from flows.run_stage import shard_name
from runtime.clock import now
from runtime.house import House
from storage.page_events import PageEvents

SEEN, SESSIONS = "seen", "session_decisions"


def trace_page_events(house: House, at: datetime) -> int:
    """Trace what is new, then keep the decisions that people saw; returns how many events were traced. Repeating changes nothing."""
    book, count, published = PageEvents(house.database), 0, dict[CampaignId, Sequence[Published]]()
    for events in book.untraced(at - _reach(house)):
        new = {event.campaign for event in events} - set(published)
        published |= {name: published_of(house, name, at) for name in new}
        found = traced(events, published)
        found |= _of_sessions(house, [event for event in events if event.event_id not in found], published)
        book.trace(found)
        count += len(found)
    keep_seen(house, book, at)
    return count


def published_of(house: House, campaign: CampaignId, at: datetime) -> Sequence[Published]:
    """The sends of a campaign whose decisions pages may still have shown lately, the latest first."""
    kept = timedelta(hours=house.settings.decision_ttl_hours)
    longest = max(_reach(house), kept)  # no refresh holds for longer than it is kept
    sends = house.sends.list(campaign, surface=None, since=at - _reach(house) - longest - LEFT_OPEN)
    ttl = {version: held_for(house.contents.load(version).campaign, kept) for version in {send.content_version for send in sends}}
    return [Published(send.send_id, send.as_of, send.as_of + ttl[send.content_version] + LEFT_OPEN) for send in sends]


def _reach(house: House) -> timedelta:
    return timedelta(days=house.settings.refreshed_days)


def _of_sessions(house: House, events: Sequence[PageEvent], published: Mapping[CampaignId, Sequence[Published]]) -> dict[str, SendId]:
    """Events that name what was decided anew, within a session or in place of a candidate: that is kept beside the refresh it stood on."""
    found = dict[str, SendId]()
    wanted = pd.DataFrame(
        [(e.event_id, e.decision_id, e.recipient_id) for e in events], columns=["event_id", "decision_id", "recipient_id"]
    )
    for one in (one for name in {event.campaign for event in events} for one in published.get(name, ())):
        if files := _anew(house, one.send_id):
            rows = _rows(house, files, set(wanted["decision_id"]))[["decision_id", "recipient_id"]].drop_duplicates()
            found |= dict.fromkeys(wanted.merge(rows, on=["decision_id", "recipient_id"])["event_id"], one.send_id)
    return found


def keep_seen(house: House, book: PageEvents, at: datetime) -> None:
    """Keep the decisions of refreshes that people have seen in `decisions`, known since the first event that says so."""
    for send_id, number in book.seen(at - _reach(house)).items():
        send = house.sends.get(send_id)
        kept = house.sends.finished_shards(send_id, SEEN).get(0, {})
        if send is None or send.surface is Surface.MAIL or kept.get("decisions", 0) >= number:
            continue
        before = house.lake.read("decisions", {"send_id": send_id})  # stays as it is known, also when what it was taken from has expired
        seen = pd.concat([before, seen_decisions(house, send, list(book.of([send_id])))]).drop_duplicates("decision_id")
        house.lake.write("decisions", seen.sort_values("decision_id"), partition={"send_id": send_id}, name=SEEN)
        house.sends.reopen_shards(send_id, SEEN, [0])
        house.sends.finish_shard(send_id, 0, SEEN, {"decisions": number}, now())


def seen_decisions(house: House, send: Send, events: Sequence[PageEvent]) -> pd.DataFrame:
    """The decisions of a refresh that these events name; each received when its first event was."""
    shards = sorted({shard for event in events for shard in send.shards_of(bucket_of(event.recipient_id))})
    files = set(house.lake.files(REFRESHED, {"send_id": send.send_id}))
    own = [path for shard in shards for path in files if path.endswith(f"/{shard_name(shard)}.parquet")]
    first = pd.DataFrame(
        [(e.decision_id, e.recipient_id, e.received_at) for e in events], columns=["decision_id", "recipient_id", "told_at"]
    )
    first = first.sort_values("told_at").drop_duplicates(["decision_id", "recipient_id"])
    rows = _rows(house, [*sorted(own), *_anew(house, send.send_id)], set(first["decision_id"]))
    both = (
        rows.drop_duplicates("decision_id").merge(first, on=["decision_id", "recipient_id"]).sort_values("decision_id", ignore_index=True)
    )
    told = pd.to_datetime(both.pop("told_at"), utc=True).astype(both["decided_at"].dtype)
    return both.assign(received_at=told.where(told > both["decided_at"], both["decided_at"]), source=SEEN_ON_PAGE)


def _anew(house: House, send_id: SendId) -> list[str]:
    """The files of what was decided on top of a refresh."""
    return [path for table in (SESSIONS, REPUBLISHED) for path in house.lake.files(table, {"send_id": send_id})]


def _rows(house: House, files: list[str], decisions: Collection[str]) -> pd.DataFrame:
    wanted = ds.field("decision_id").isin(pa.array(sorted(decisions), pa.string()))
    return house.lake.dataset_of(REFRESHED, files).to_table(filter=wanted).to_pandas()
