"""Explain one recipient's way through a send from what was frozen: audience, features as served, decisions, content, model."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from audience.eligibility import eligible_variants
from domain.content import Content, Variant
from domain.errors import InputError
from domain.hashing import bucket_of
from domain.message import LedgerEntry, Letter
from domain.send import Send
from flows.load_model import load_model
from flows.open_press import open_press
from flows.print_letters import reprint
from flows.run_stage import shard_name
from ranking.layout import FeatureFrame
from ranking.scorer import score
from ranking.specification import facts_of
from runtime.house import House
from storage.recipients import expand, recipients_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A variant of a placement. `excluded` says why it was no candidate; `position` is where it was put, if it was chosen."""

    placement: str
    variant: str
    score: float | None
    excluded: str | None
    position: int | None
    propensity: float | None
    prefix_propensity: float | None


@dataclass(frozen=True, slots=True)
class Why:
    """All that led to one recipient's letter. `same_bytes`: printed again it equals what was handed off; None if nothing was."""

    send_id: str
    recipient_id: str
    arm: str | None
    exclusion: str | None
    content_version: str
    model_version: str | None
    as_of: datetime
    candidates: tuple[Candidate, ...]
    message: LedgerEntry | None
    same_bytes: bool | None


def explain(house: House, send: Send, who: str) -> tuple[Why, Letter | None]:
    """The explanation and the letter printed again. InputError for someone who is not in the send's audience."""
    row = _audience_row(house, send, who)
    recipient = next(recipients_of(row))
    content = house.contents.load(send.content_version)
    exclusion, message = _text(row, "exclusion"), house.ledger.entry(send.send_id, recipient.recipient_id)
    decisions = pd.DataFrame() if exclusion else _own(house, send, "decisions", row)
    letter = None if decisions.empty else reprint(open_press(house, send), recipient, decisions)
    hashed = message.payload_hash if message and letter else None
    why = Why(
        send_id=send.send_id,
        recipient_id=recipient.recipient_id,
        arm=_text(row, "arm"),
        exclusion=exclusion,
        content_version=send.content_version,
        model_version=send.model_version,
        as_of=send.as_of,
        candidates=() if decisions.empty else tuple(_candidates(house, send, content, row, decisions)),
        message=message,
        same_bytes=letter.payload_hash == hashed if letter and hashed else None,
    )
    return why, letter


def _candidates(house: House, send: Send, content: Content, row: pd.DataFrame, decisions: pd.DataFrame) -> list[Candidate]:
    attributes = house.recipients.attributes()
    eligible = eligible_variants(content, expand(row, attributes), attributes, send.as_of)
    scores = _scores(house, send, content, row)
    columns = (decisions[name].tolist() for name in ("placement", "variant", "position", "propensity", "prefix_propensity"))
    chosen = {(placement, variant): numbers for placement, variant, *numbers in zip(*columns, strict=True)}
    found = []
    for placement in content.campaign.placements:
        for number, variant in enumerate(content.of(placement.placement)):
            position, propensity, prefix = chosen.get((variant.placement, variant.variant), (None, None, None))
            found.append(
                Candidate(
                    placement=variant.placement,
                    variant=variant.variant,
                    score=scores.get((variant.placement, variant.variant)),
                    excluded=_exclusion(variant, bool(eligible[placement.placement][0, number]), send),
                    position=position,
                    propensity=propensity,
                    prefix_propensity=prefix,
                )
            )
    return found


def _scores(house: House, send: Send, content: Content, row: pd.DataFrame) -> dict[tuple[str, str], float]:
    """The model's rate for every variant, from the features as they were served. Empty without a model."""
    model = load_model(house, send.model_version)
    if model is None:
        return {}
    served = FeatureFrame.from_pandas(_own(house, send, "features", row), model.parameters.layout)
    found: dict[tuple[str, str], float] = {}
    for placement in content.campaign.placements:
        variants = content.of(placement.placement)
        rates = np.exp(score(model, served, [facts_of(variant) for variant in variants], send.as_of))[0]
        found |= {(variant.placement, variant.variant): float(rate) for variant, rate in zip(variants, rates, strict=True)}
    return found


def _exclusion(variant: Variant, admitted: bool, send: Send) -> str | None:
    if not variant.live_at(send.as_of):
        return "not live at the time"
    return None if admitted else f"where: {variant.where}"


def _audience_row(house: House, send: Send, who: str) -> pd.DataFrame:
    known = house.recipients.get(who)
    row = _own(house, send, "audience", recipient_id=known.recipient_id if known else who)
    if row.empty:
        raise InputError(f"{who!r} is not in the audience of {send.send_id}", hint="the audience expression did not hold for them")
    return row


def _own(house: House, send: Send, table: str, row: pd.DataFrame | None = None, *, recipient_id: str | None = None) -> pd.DataFrame:
    """The recipient's rows of a lake table of the send."""
    wanted = str(row["recipient_id"].iloc[0]) if row is not None else str(recipient_id)
    shard = next(n for n in range(send.shards) if send.buckets(n)[0] <= bucket_of(wanted) < send.buckets(n)[1])
    name = shard_name(shard)
    if not house.lake.exists(table, {"send_id": send.send_id}, name):
        return pd.DataFrame(columns=["recipient_id"])
    frame = house.lake.read(table, {"send_id": send.send_id}, name=name)
    return frame[frame["recipient_id"] == wanted]


def _text(row: pd.DataFrame, column: str) -> str | None:
    value = row[column].iloc[0]
    return None if pd.isna(value) else str(value)
