"""The readers of a send of ours: who opens their letter, clicks what, buys something, or asks to be left alone.

Every draw is a hash of seed, send, person and position, so a reader does the same whoever else is asked, and in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from domain.hashing import keys_of, uniforms
from domain.ids import SendId
from simulator.catalogue import Catalogue, draw_catalogue
from simulator.letters import Surface
from simulator.people import CATEGORIES, People
from simulator.reading import Draws, Ints, Responses, open_letters, respond

UNSUBSCRIBES = 0.003  # of those who open a letter

_CLICKS = ("recipient_id", "placement", "position", "variant", "clicked_at")
_PURCHASES = ("purchase_id", "recipient_id", "item", "category", "quantity", "amount", "currency", "occurred_at")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the readers of a send did. `opened`, `unsubscribed`: recipient ids.

    `clicks`: recipient_id, placement, position, variant, clicked_at. `purchases`: as `letterpress import purchases` reads them.
    """

    opened: tuple[str, ...]
    unsubscribed: tuple[str, ...]
    clicks: pd.DataFrame
    purchases: pd.DataFrame


def read_letters(
    people: People, surfaces: Sequence[Surface], decisions: pd.DataFrame, *, send_id: SendId, seed: int, at: datetime
) -> Reading:
    """How the recipients of `decisions` respond. `decisions`: recipient_id, placement, position, variant of letters that arrived.

    All of it happens at `at`: waiting for readers is not what a simulation is for. Recipients unknown to `people` do nothing.
    """
    rows = np.flatnonzero(people.recipients["recipient_id"].isin(decisions["recipient_id"]))
    readers = people.take(rows)
    keys, catalogue = keys_of(readers.recipients["recipient_id"]), draw_catalogue(seed)

    def draws(surface: Surface) -> Draws:
        salts = [f"{seed}|{send_id}|{surface.placement}|{position}" for position in range(1, surface.positions + 1)]
        return lambda what: np.column_stack([uniforms(keys, f"{salt}|{what}") for salt in salts])

    subject = next(surface for surface in surfaces if surface.is_subject)
    opened = open_letters(readers, subject, rankings_of(readers, subject, decisions), draws=draws(subject), seed=seed)
    leaving = opened & (uniforms(keys, f"{seed}|{send_id}|unsubscribe") < UNSUBSCRIBES)
    clicks, purchases = [pd.DataFrame(columns=_CLICKS)], [pd.DataFrame(columns=_PURCHASES)]
    for surface in surfaces:
        if not surface.is_subject:
            ranking = rankings_of(readers, surface, decisions)
            found = respond(readers, surface, ranking, opened, draws=draws(surface), catalogue=catalogue, seed=seed)
            clicks.append(_clicks(readers, surface, ranking, found, at))
            purchases.append(_purchases(readers, found, catalogue, letter=f"{send_id}/{surface.placement}", at=at))
    ids = readers.recipients["recipient_id"]
    return Reading(tuple(ids[opened]), tuple(ids[leaving]), _together(clicks), _together(purchases))


def rankings_of(people: People, surface: Surface, decisions: pd.DataFrame) -> Ints:
    """What stands in each position of each person's letter: int64[n, K] indexes the surface's choices, −1 where nothing does."""
    own = decisions[decisions["placement"] == surface.placement]
    rows = pd.Index(people.recipients["recipient_id"]).get_indexer(pd.Index(own["recipient_id"]))
    variants = pd.Index([choice.variant for choice in surface.choices]).get_indexer(pd.Index(own["variant"]))
    positions = own["position"].to_numpy(dtype=np.int64) - 1
    known = (rows >= 0) & (positions < surface.positions)
    ranking = np.full((len(people), surface.positions), -1, dtype=np.int64)
    ranking[rows[known], positions[known]] = variants[known]
    return ranking


def _clicks(people: People, surface: Surface, ranking: Ints, found: Responses, at: datetime) -> pd.DataFrame:
    rows, positions = np.nonzero(found.clicked)
    variants = np.array([choice.variant for choice in surface.choices], dtype=object)[ranking[rows, positions]]
    who = people.recipients["recipient_id"].to_numpy()[rows]
    return pd.DataFrame(
        {"recipient_id": who, "placement": surface.placement, "position": positions + 1, "variant": variants, "clicked_at": at}
    )


def _purchases(people: People, found: Responses, catalogue: Catalogue, *, letter: str, at: datetime) -> pd.DataFrame:
    """One line per conversion; `letter` is what its id begins with."""
    rows, positions = np.nonzero(found.converted)
    shelf, item = found.shelf[rows, positions], found.item[rows, positions]
    who = people.recipients["recipient_id"].to_numpy()[rows]
    ids = [f"{letter}/{position + 1}/{recipient}" for recipient, position in zip(who, positions, strict=True)]
    return pd.DataFrame(
        {
            "purchase_id": ids,
            "recipient_id": who,
            "item": catalogue.names[shelf, item],
            "category": np.array(CATEGORIES, dtype=object)[shelf],
            "quantity": 1.0,
            "amount": found.revenue[rows, positions],
            "currency": "EUR",
            "occurred_at": at,
        }
    )


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]
