"""What the clicks of people look like from outside: when, how far apart, from where and with what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domain.event import EventKind
from domain.ids import RecipientId
from simulator.mailboxes import By, Mailbox
from simulator.scanners import UNSUBSCRIBE, Visit


@dataclass(frozen=True, slots=True)
class Manners:
    """How people go about their mail. Times in seconds."""

    median: float = 3 * 3_600.0  # from the letter to the first click
    prompt: float = 0.01  # share of readers who click within a minute of the letter
    gap: float = 25.0  # median between two clicks: a page is looked at in between
    opens_tabs: float = 0.08  # share of readers who open several links at once
    leaves: float = 0.003  # share of readers who unsubscribe


def visit(boxes: Sequence[Mailbox], clicks: Mapping[RecipientId, Sequence[str]], manners: Manners, *, seed: int) -> list[Visit]:
    """The visits of those who click these links of their letter, in this order."""
    rng = np.random.default_rng([seed, 15])
    found: list[Visit] = []
    for box in boxes:
        if links := clicks.get(box.recipient_id, ()):
            found.extend(_session(rng, box, links, manners))
    return found


def _session(rng: np.random.Generator, box: Mailbox, links: Sequence[str], manners: Manners) -> list[Visit]:
    at = rng.uniform(10, 60) if rng.random() < manners.prompt else manners.median * np.exp(rng.normal(0, 1.1))
    network, tabs = box.networks[int(rng.random() < box.on_the_road)], rng.random() < manners.opens_tabs
    found = [Visit(box.recipient_id, EventKind.OPENED, None, at - rng.uniform(3, 30), network, box.agent, By.READER)]
    for link in links:
        found.append(Visit(box.recipient_id, EventKind.CLICKED, link, at, network, box.agent, By.READER))
        at += rng.uniform(1, 3) if tabs else 2 + manners.gap * np.exp(rng.normal(0, 0.9))
    if rng.random() < manners.leaves:
        found.append(Visit(box.recipient_id, EventKind.CLICKED, UNSUBSCRIBE, at, network, box.agent, By.READER))
        found.append(Visit(box.recipient_id, EventKind.UNSUBSCRIBED, UNSUBSCRIBE, at + 8, network, box.agent, By.READER, posted=True))
    return found
