"""Explain one recipient's way through a send from what was frozen: audience, features as served, decisions, content, model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from domain.campaign import Surface
from domain.content import Variant
from domain.errors import InputError
from domain.hashing import bucket_of
from domain.ids import CampaignId, PlacementId, RecipientId
from domain.message import LedgerEntry, Letter
from domain.send import Send
from flows.compute_shard_features import CANDIDATE_FEATURES
from flows.leave_out_unpublished import unpublished_of
from flows.load_basis import REFRESHED, Basis
from flows.load_model import load_model
from flows.open_press import open_press
from flows.prepare_choices import ShardInputs, of_incumbent, prepare_choices
from flows.price_variants import prices_for
from flows.print_letters import reprint
from flows.return_to_incumbent import REPUBLISHED, REPUBLISHED_FEATURES
from flows.run_stage import shard_name
from letterpress.choices import Candidate, Choice, Circumstances, Served, choices_of
from ranking.deciding.choice_sets import ChoiceSet, cap_of, is_constrained
from ranking.layout import FeatureFrame
from runtime.clock import now
from runtime.house import House
from storage.recipients import recipients_of


@dataclass(frozen=True, slots=True)
class Why:
    """All that led to one recipient's letter, or to what pages show them: every candidate, and per placement how the winner was chosen.

    `same_bytes`: printed again it equals what was handed off; None if nothing was.
    """

    send_id: str
    recipient_id: str
    arm: str | None
    exclusion: str | None
    content_version: str
    model_version: str | None
    as_of: datetime
    candidates: tuple[Candidate, ...]
    choices: tuple[Choice, ...]
    message: LedgerEntry | None
    same_bytes: bool | None
    on_page: bool = False


def explain(house: House, send: Send, who: str) -> tuple[Why, Letter | None]:
    """The explanation and the letter printed again. InputError for someone who is not in the send's audience."""
    row = audience_row(house, send, who)
    recipient = next(recipients_of(row))
    content = house.contents.load(send.content_version)
    exclusion, message = text_of(row, "exclusion"), house.ledger.entry(send.send_id, recipient.recipient_id)
    on_page = send.surface is Surface.WEB
    decisions, row = (pd.DataFrame(), row) if exclusion else _decided(house, send, row)
    letter = None if decisions.empty or on_page else reprint(open_press(house, send), recipient, decisions)
    hashed = message.payload_hash if message and letter else None
    served, unpublished = (
        None if decisions.empty else served_to(house, send, row, _model_of(send, decisions)),
        unpublished_of(house, content, send.as_of),
    )
    made_from = Circumstances(content, send.as_of, text_of(row, "arm"), served, unpublished)
    candidates = () if decisions.empty else tuple(_candidates(house, send, row, decisions, made_from))
    why = Why(
        send_id=send.send_id,
        recipient_id=recipient.recipient_id,
        arm=made_from.arm,
        exclusion=exclusion,
        content_version=send.content_version,
        model_version=_model_of(send, decisions),
        as_of=send.as_of,
        candidates=candidates,
        choices=tuple(choices_of(candidates, made_from)),
        message=message,
        same_bytes=letter.payload_hash == hashed if letter and hashed else None,
        on_page=on_page,
    )
    return why, letter


def shown_send(house: House, who: str, placement: str) -> Send:
    """The send whose decision pages show a recipient now, whatever was decided anew within a session on top of it; where none is held,
    the campaign's latest. InputError for a placement that no campaign has."""
    known = house.recipients.get(who)
    recipient = known.recipient_id if known else RecipientId(who)
    held = house.decisions.get(recipient, PlacementId(placement), now(), ())
    if held.send_id is not None:
        return house.send(held.send_id.partition("+")[0])
    if latest := house.sends.latest(CampaignId(placement.partition(".")[0]), surface=None):
        return latest
    raise InputError(f"nothing was ever decided for {placement!r}", hint="letterpress refresh CAMPAIGN")


def of_placement(why: Why, placement: str) -> Why:
    """What of an explanation is about one placement. InputError for one that it says nothing of."""
    if why.candidates and placement not in {one.placement for one in why.candidates}:
        there = ", ".join(dict.fromkeys(one.placement for one in why.candidates))
        raise InputError(f"{why.send_id} has no placement {placement!r}", hint=f"there: {there}")
    candidates = tuple(one for one in why.candidates if one.placement == placement)
    return replace(why, candidates=candidates, choices=tuple(one for one in why.choices if one.placement == placement))


def _candidates(house: House, send: Send, row: pd.DataFrame, decisions: pd.DataFrame, made_from: Circumstances) -> Iterator[Candidate]:
    """Every variant of every placement: the recipient's choice sets once more, beside what was drawn from them."""
    content, served = made_from.content, made_from.served
    shown = rows_of(house, send, "exposures", row) if is_constrained(content) else None
    basis = Basis(house, send, content, served.model if served else None)
    _, sets = prepare_choices(basis, ShardInputs(row, served.features if served else None, shown))
    columns = (decisions[name].tolist() for name in ("placement", "variant", "position", "propensity", "prefix_propensity"))
    chosen = {(placement, variant): numbers for placement, variant, *numbers in zip(*columns, strict=True)}
    prices = prices_for(basis)
    for one in sets.placements:
        placement = one.placement.placement
        for number, variant in enumerate(content.of(placement)):
            price = float(prices[placement][number]) if placement in prices else 0.0
            position, propensity, prefix = chosen.get((placement, variant.variant), (None, None, None))
            yield Candidate(
                placement,
                variant.variant,
                float(np.exp(one.log_rates[0, number])) if sets.scored and served else None,
                why_not(variant, one, number, made_from, shown),
                position,
                propensity,
                prefix,
                price or None,
            )


def _decided(house: House, send: Send, row: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The recipient's decisions, and their row of the audience in the arm that was applied. On pages what the incumbent decided in place
    of a candidate stands for the rest of the refresh; a letter that is out stays what it was."""
    if send.surface is not Surface.WEB:
        return rows_of(house, send, "decisions", row), row
    instead = rows_of(house, send, REPUBLISHED, row)
    return (rows_of(house, send, REFRESHED, row), row) if instead.empty else (instead, of_incumbent(row))


def served_to(house: House, send: Send, row: pd.DataFrame, decided_by: str | None) -> Served | None:
    """The model that decided and the recipient's features as they were served to it; None without a model."""
    incumbent, candidate = send.model_version, send.candidate_version
    for version, table in ((candidate, CANDIDATE_FEATURES), (incumbent, "features"), (incumbent, REPUBLISHED_FEATURES)):
        if version != decided_by:
            continue
        model, kept = load_model(house, version), rows_of(house, send, table, row)
        if model is not None and not kept.empty:
            return Served(model, FeatureFrame.from_pandas(kept, model.parameters.layout))
    return None


def _model_of(send: Send, decisions: pd.DataFrame) -> str | None:
    """The version of the model that decided for a recipient; the send's where nothing is decided yet."""
    return send.model_version if decisions.empty else text_of(decisions, "model_version")


def why_not(variant: Variant, one: ChoiceSet, number: int, made_from: Circumstances, shown: pd.DataFrame | None) -> str | None:
    """Why a variant was no candidate, the first reason that held; None if it was one."""
    if one.candidates.eligible[0, number]:
        return None
    if not variant.live_at(made_from.as_of):
        return "not live at the time"
    if reason := made_from.unpublished.get((variant.placement, variant.variant)):
        return reason
    policy = made_from.content.campaign.policy
    if one.undiverse[0, number] and policy.diversity:
        return f"left out for the mix of categories: {policy.diversity.floor:g} nats over {policy.diversity.messages} letters"
    if one.repeated[0, number] and shown is not None and (cap := cap_of(variant, policy)):
        times = int(shown.loc[(shown["placement"] == variant.placement) & (shown["variant"] == variant.variant), "within_days"].sum())
        return f"shown often enough: {times} time{'s' * (times > 1)} in {cap.per_days} days"
    return f"where: {variant.where}" if variant.where else "retired by then, or of another arm of an experiment"


def audience_row(house: House, send: Send, who: str) -> pd.DataFrame:
    known = house.recipients.get(who)
    row = rows_of(house, send, "audience", recipient_id=known.recipient_id if known else who)
    if row.empty:
        hint = "the audience expression did not hold for them"
        if send.surface is Surface.WEB:
            hint += ", they were not active lately, or others were more recently, as many as the budget allows"
        raise InputError(f"{who!r} is not in the audience of {send.send_id}", hint=hint)
    return row


def rows_of(house: House, send: Send, table: str, row: pd.DataFrame | None = None, *, recipient_id: str | None = None) -> pd.DataFrame:
    """The recipient's rows of a lake table of the send."""
    wanted = str(row["recipient_id"].iloc[0]) if row is not None else str(recipient_id)
    for name in map(shard_name, send.shards_of(bucket_of(wanted))):
        if house.lake.exists(table, {"send_id": send.send_id}, name):
            frame = house.lake.read(table, {"send_id": send.send_id}, name=name)
            if (frame["recipient_id"] == wanted).any():
                return frame[frame["recipient_id"] == wanted]
    return pd.DataFrame(columns=["recipient_id"])


def text_of(row: pd.DataFrame, column: str) -> str | None:
    value = row[column].iloc[0]
    return None if pd.isna(value) else str(value)
