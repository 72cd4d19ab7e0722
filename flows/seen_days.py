"""Days of a campaign on pages: what people saw of its refreshes, taken together by the day (UTC) of the refresh.

There are many refreshes a day, and most of a day's visitors see several of them: a day is to a page what a send is to a letter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

import pyarrow as pa
import pyarrow.dataset as ds

from domain.campaign import Surface
from domain.content import Content
from domain.ids import CampaignId, SendId
from domain.send import Send
from runtime.house import House


@dataclass(frozen=True, slots=True)
class SeenDay:
    """A day's refreshes, the earliest first, the content of its last one, and what people saw and did of what these decided."""

    sends: tuple[Send, ...]
    content: Content
    decisions: ds.Dataset
    outcomes: ds.Dataset

    @property
    def send(self) -> Send:
        """The day as one send: its first refresh under the day's name."""
        first = self.sends[0]
        return replace(first, send_id=SendId(f"{first.campaign}-{first.scheduled_at:%Y-%m-%d}"))

    def drawn(self) -> pa.Table:
        """recipient_id and arm of everybody who saw anything, in the arm of what they saw first: exploring is drawn anew every time."""
        rows = self.decisions.to_table(columns=["recipient_id", "arm", "decided_at", "decision_id"]).to_pandas()
        first = rows.sort_values(["decided_at", "decision_id"]).drop_duplicates("recipient_id")
        return pa.Table.from_pandas(first[["recipient_id", "arm"]].sort_values("recipient_id"), preserve_index=False)


def _any(_send: Send) -> bool:
    return True


def seen_days(
    house: House,
    campaign: CampaignId,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    wanted: Callable[[Send], bool] = _any,
) -> Sequence[SeenDay]:
    """The days of which people have seen anything, the earliest first; of each the refreshes that are wanted."""
    sends = [send for send in house.sends.list(campaign, surface=Surface.WEB, since=since) if send.is_over and wanted(send)]
    seen = _by_partition(house.lake.files("decisions"))
    shown = [send for send in reversed(sends) if send.send_id in seen and (until is None or send.scheduled_at <= until)]
    came = _by_partition(house.lake.files("outcomes")) if shown else {}
    return [_day(house, tuple(day), seen, came) for _, day in groupby(shown, key=lambda send: send.scheduled_at.date())]


def _day(house: House, sends: tuple[Send, ...], seen: dict[str, list[str]], came: dict[str, list[str]]) -> SeenDay:
    files = [[path for send in sends for path in found.get(send.send_id, [])] for found in (seen, came)]
    decisions, outcomes = (house.lake.dataset_of(table, found) for table, found in zip(("decisions", "outcomes"), files, strict=True))
    return SeenDay(sends, house.contents.load(sends[-1].content_version), decisions, outcomes)


def _by_partition(paths: list[str]) -> dict[str, list[str]]:
    """Paths by the send whose folder they are in."""
    found: dict[str, list[str]] = {}
    for path in paths:
        name = path.rsplit("/", 2)[1]
        if name.startswith("send_id="):
            found.setdefault(name.removeprefix("send_id="), []).append(path)
    return found
