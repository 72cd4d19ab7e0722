"""One send's worth of readers: from the letters that arrived to the clicks that came back."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
from fastapi import FastAPI

from domain.content import Content
from domain.send import Send
from simulator.letters import surfaces_of
from simulator.mail_reader import ReadsClicks, arrived, follow, requests_of
from simulator.readers import read_letters
from simulator.shop_files import load_truth, write


@dataclass(frozen=True, slots=True)
class Replies:
    """What the readers of a send did. `purchases_file` can be imported; None if nobody bought."""

    send_id: str
    letters: int
    opened: int
    clicks: int
    without_link: int
    unsubscribed: int
    purchases: int
    purchases_file: str | None


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
) -> Replies:
    """Let the people of a simulated shop read the letters of a send that lie in `mailbox`, and follow their links on `web`.

    `decisions`: recipient_id, placement, position, variant. The same shop and send give the same replies; given twice they are
    two visits to the web process, which an outcome counts once.
    """
    people, seed = load_truth(shop)
    there = arrived(mailbox, send.send_id, decisions["recipient_id"].unique())
    read = decisions[decisions["recipient_id"].isin(there)]
    reading = read_letters(people, surfaces_of(content), read, send_id=send.send_id, seed=seed, at=at)
    followed = follow(requests_of(mailbox, send.send_id, reading, content.links, signer), web)
    bought = shop / f"purchases-{send.send_id}.parquet"
    if len(reading.purchases):
        write(bought, reading.purchases)
    return Replies(
        send_id=send.send_id,
        letters=len(there),
        opened=len(reading.opened),
        clicks=followed.clicked,
        without_link=followed.without_link,
        unsubscribed=followed.unsubscribed,
        purchases=len(reading.purchases),
        purchases_file=str(bought) if len(reading.purchases) else None,
    )
