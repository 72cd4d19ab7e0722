"""One send's worth of readers: from the letters that arrived to the clicks that came back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
from fastapi import FastAPI

from domain.content import Content
from domain.ids import RecipientId
from domain.send import Send
from simulator.letters import surfaces_of
from simulator.mail_reader import ReadsClicks, arrived, follow, requests_of, scans_of
from simulator.mailboxes import Mailbox, Town, draw_mailboxes
from simulator.readers import read_letters
from simulator.shop_files import load_truth, write


@dataclass(frozen=True, slots=True)
class Replies:
    """What the readers of a send did. `purchases_file` can be imported; None if nobody bought. `scans`: requests by machines."""

    send_id: str
    letters: int
    opened: int
    clicks: int
    without_link: int
    unsubscribed: int
    purchases: int
    purchases_file: str | None
    scans: int = 0


def reply(
    shop: Path,
    mailbox: Path,
    send: Send,
    content: Content,
    decisions: pd.DataFrame,
    *,
    signer: ReadsClicks,
    web: FastAPI | str,
    at: datetime,
    town: Town | None = None,
) -> Replies:
    """Let the people of a simulated shop read the letters of a send that lie in `mailbox`, and follow their links on `web`.

    `decisions`: recipient_id, placement, position, variant. The same shop and send give the same replies; given twice they are
    two visits to the web process, which an outcome counts once. With a `town` the scanners of its mailboxes follow links first.
    """
    people, seed = load_truth(shop)
    there = arrived(mailbox, send.send_id, decisions["recipient_id"].unique())
    read = decisions[decisions["recipient_id"].isin(there)]
    reading = read_letters(people, surfaces_of(content), read, send_id=send.send_id, seed=seed, at=at)
    scans = list(scans_of(mailbox, send.send_id, _guarded(there, town, seed), seed=seed))
    followed = follow([*scans, *requests_of(mailbox, send.send_id, reading, content.links, signer)], web)
    bought = shop / f"purchases-{send.send_id}.parquet"
    if len(reading.purchases):
        write(bought, reading.purchases)
    return Replies(
        send_id=send.send_id,
        letters=len(there),
        opened=len(reading.opened),
        clicks=followed.clicked - len(scans),
        without_link=followed.without_link,
        unsubscribed=followed.unsubscribed,
        purchases=len(reading.purchases),
        purchases_file=str(bought) if len(reading.purchases) else None,
        scans=len(scans),
    )


def _guarded(arrived: Collection[str], town: Town | None, seed: int) -> list[Mailbox]:
    """The mailboxes of these recipients that have a scanner; none without a town."""
    boxes = draw_mailboxes([RecipientId(one) for one in sorted(arrived)], town, seed) if town else []
    return [box for box in boxes if box.guard]
