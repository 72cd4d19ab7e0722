"""Explain a decision that was made within a session: what somebody did, what the model made of it, and what it would have said without."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import orjson
import pandas as pd

from domain.errors import InputError
from domain.ids import PlacementId, RecipientId, SendId, is_of_session, refresh_of
from domain.send import Send
from domain.signal import Act
from flows.load_basis import Basis
from flows.prepare_choices import ShardInputs, prepare_choices
from letterpress.choices import Candidate, Choice, Circumstances, Served, choices_of
from letterpress.explanation import audience_row, rows_of, served_to, text_of, why_not
from letterpress.reacting import DECISIONS, SIGNALS
from ranking.deciding.choice_sets import ChoiceSet, is_constrained
from ranking.features.sessions import Sessions, facts_of, rows_at, sessions_of, shelf_of, with_sessions
from ranking.scoring.scorer import score
from runtime.clock import now
from runtime.house import House
from storage.signal_packing import act_of


@dataclass(frozen=True, slots=True)
class ToldAct:
    """Something that was done, so many minutes before the decision. `about`: the category that the model took it to be about."""

    minutes_before: float
    kind: str
    about: str | None
    query: str | None


@dataclass(frozen=True, slots=True)
class Favourites:
    """What scored highest of a placement's candidates without the session, and with it, with both scores of each."""

    placement: str
    without_session: str
    with_session: str
    scores_without: tuple[float, float]
    scores_with: tuple[float, float]

    @property
    def overridden(self) -> bool:
        """Whether what was done in the session outweighed what was known before."""
        return self.without_session != self.with_session


@dataclass(frozen=True, slots=True)
class SessionWhy:
    """All that led to a decision within a session. Scores of candidates are those with the session; `without` has the others."""

    send_id: str
    refresh: str
    recipient_id: str
    arm: str | None
    model_version: str | None
    as_of: datetime
    acts: tuple[ToldAct, ...]
    interest: dict[str, float]
    candidates: tuple[Candidate, ...]
    without: dict[str, float]
    favourites: tuple[Favourites, ...]
    choices: tuple[Choice, ...]


def held_session(house: House, who: str, placement: str) -> SendId | None:
    """The round within a session whose decision pages show a recipient at a placement now; None if it is not of a session."""
    known = house.recipients.get(who)
    recipient = known.recipient_id if known else RecipientId(who)
    held = house.decisions.get(recipient, PlacementId(placement), now(), ()).send_id
    return held if held and is_of_session(held) else None


def explain_session(house: House, session: SendId, who: str) -> SessionWhy:
    """The explanation. InputError for somebody for whom nothing was decided in this round, or of whose decision no log is there yet."""
    send = house.send(refresh_of(session))
    row = audience_row(house, send, who)
    recipient = str(row["recipient_id"].iloc[0])
    decisions, told = (_of_round(house, table, send, session, recipient) for table in (DECISIONS, SIGNALS))
    served = None if decisions.empty else served_to(house, send, row, text_of(decisions, "model_version"))
    if told.empty or served is None:
        raise InputError(f"nothing is known of what {session} decided for {who!r}", hint="what is decided is in the lake seconds later")
    at = told["at"].iloc[0].to_pydatetime()
    acts = [act_of(event_id, rest) for event_id, *rest in orjson.loads(told["acts"].iloc[0])]
    running = _session(served, acts, at)
    seen = Served(served.model, with_sessions(served.features, running))
    content = house.contents.load(send.content_version)
    made_from = Circumstances(content, at, text_of(row, "arm"), seen)
    shown = rows_of(house, send, "exposures", row) if is_constrained(content) else None
    basis = Basis(house, send, content, served.model)
    candidates, without = _candidates(basis, ShardInputs(row, served.features, shown), decisions, made_from)
    categories = served.model.parameters.layout.categories
    shares = running.cross("session_interest")[0].tolist()
    return SessionWhy(
        send_id=session,
        refresh=send.send_id,
        recipient_id=recipient,
        arm=made_from.arm,
        model_version=text_of(decisions, "model_version"),
        as_of=at,
        acts=tuple(_told(acts, served, at)),
        interest={category: share for category, share in zip(categories, shares, strict=True) if share},
        candidates=candidates,
        without=without,
        favourites=tuple(_favourites(candidates, without)),
        choices=tuple(choices_of(candidates, made_from)),
    )


def _of_round(house: House, table: str, send: Send, session: SendId, recipient: str) -> pd.DataFrame:
    frame = house.lake.read(table, {"send_id": send.send_id})
    return frame if frame.empty else frame[(frame["send_id"] == session) & (frame["recipient_id"] == recipient)]


def _session(served: Served, acts: Sequence[Act], at: datetime) -> Sessions:
    parameters = served.model.parameters
    categories = parameters.layout.categories
    return sessions_of(facts_of([acts], parameters.words, categories), rows_at([at]), parameters.spec.session, len(categories))


def _told(acts: Sequence[Act], served: Served, at: datetime) -> Iterator[ToldAct]:
    """The latest first."""
    for act in reversed(acts):
        about = shelf_of(act.kind, act.category, act.query, served.model.parameters.words)
        yield ToldAct(round((at - act.occurred_at) / timedelta(minutes=1), 2), act.kind.value, about, act.query)


def _candidates(
    basis: Basis, inputs: ShardInputs, decisions: pd.DataFrame, made_from: Circumstances
) -> tuple[tuple[Candidate, ...], dict[str, float]]:
    """Every variant with its score in the session, and by `placement/variant` those without. What may be shown is as it was refreshed."""
    content, shown = made_from.content, inputs.exposures
    _, sets = prepare_choices(basis, inputs)
    columns = (decisions[name].tolist() for name in ("placement", "variant", "position", "propensity", "prefix_propensity"))
    chosen = {(placement, variant): numbers for placement, variant, *numbers in zip(*columns, strict=True)}
    candidates, without = list[Candidate](), dict[str, float]()
    for one in sets.placements:
        rates = _rates(one, made_from)
        for number, variant in enumerate(content.of(one.placement.placement)):
            numbers = chosen.get((variant.placement, variant.variant), (None, None, None))
            excluded = why_not(variant, one, number, made_from, shown)
            candidates.append(Candidate(variant.placement, variant.variant, rates[number], excluded, *numbers))
            without[f"{variant.placement}/{variant.variant}"] = float(np.exp(one.log_rates[0, number]))
    return tuple(candidates), without


def _rates(one: ChoiceSet, made_from: Circumstances) -> list[float]:
    seen = made_from.served
    assert seen is not None  # noqa: S101 - asked before
    rates: list[float] = np.exp(score(seen.model, seen.features, one.candidates.variants, made_from.as_of))[0].tolist()
    return rates


def _favourites(candidates: Sequence[Candidate], without: dict[str, float]) -> Iterator[Favourites]:
    for placement in dict.fromkeys(one.placement for one in candidates):
        open_to = [one for one in candidates if one.placement == placement and one.excluded is None]
        if not open_to:
            continue
        before = {one.variant: without[f"{placement}/{one.variant}"] for one in open_to}
        after = {one.variant: one.score or 0.0 for one in open_to}
        then, here = max(before, key=before.__getitem__), max(after, key=after.__getitem__)
        yield Favourites(placement, then, here, (before[then], before[here]), (after[then], after[here]))
