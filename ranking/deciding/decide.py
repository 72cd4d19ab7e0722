"""Deciding: for everyone admitted to a send, one variant per position of every placement, with its propensity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.content import Content
from domain.decision import Arm
from domain.hashing import Keys, keys_of
from domain.ids import PlacementId, RecipientId, SendId, VariantId, decision_id_of
from domain.send import Send
from ranking.deciding.candidates import Candidates
from ranking.deciding.choice_sets import ChoiceSet, ChoiceSets, temperature_of
from ranking.model import RankingModel
from ranking.policies.policy import Choices, choose, noise

SOURCE = "letterpress"

Prices = Mapping[PlacementId, npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class _Deciding:
    """What all placements of a send share, for n recipients: ids and hash keys, arms, and how is drawn."""

    send: Send
    recipient_id: npt.NDArray[np.object_]
    keys: Keys
    arm: npt.NDArray[np.object_]
    scored: bool
    temperature: float
    explore: float
    prices: Prices


def decide(
    recipients: pd.DataFrame, sets: ChoiceSets, *, content: Content, model: RankingModel | None, send: Send, prices: Prices | None = None
) -> pd.DataFrame:
    """Decisions (a frame with the columns of lake table `decisions`) for recipients with their `arm`, row by row as `sets`.

    Arm `holdout` gets the default slate, with probability 1; `explore` a uniform ranking; all others the model's policy. Without a
    model every variant is equally likely and there is no score. `prices` float64[V] by placement are those of variants with a limit.
    Where fewer variants may be drawn than there are positions, the default slate fills what is left.
    """
    ids = recipients["recipient_id"].to_numpy(dtype=object)
    policy = content.campaign.policy
    shared = _Deciding(
        send,
        ids,
        keys_of(ids),
        recipients["arm"].to_numpy(dtype=object),
        sets.scored,
        temperature_of(policy, model),
        policy.explore,
        prices or {},
    )
    return pd.concat([_decide_placement(shared, one) for one in sets.placements], ignore_index=True)


def _decide_placement(shared: _Deciding, one: ChoiceSet) -> pd.DataFrame:
    candidates, placement = one.candidates, one.placement.placement
    choices = choose(
        one.log_rates,
        candidates.eligible,
        noise(shared.keys, shared.send.send_id, placement, [v.variant for v in candidates.variants]),
        shared.arm == Arm.EXPLORE,
        temperature=shared.temperature,
        explore=shared.explore,
        positions=one.placement.positions,
        prices=shared.prices.get(placement),
    )
    chosen = _with_defaults(choices, candidates, shared.arm == Arm.HOLDOUT)
    return _frame(shared, candidates, chosen, np.exp(one.log_rates) if shared.scored else None)


def _with_defaults(choices: Choices, candidates: Candidates, holdout: npt.NDArray[np.bool_]) -> Choices:
    """The default slate for the holdout, and for positions that no eligible variant was left for.

    What fills a gap follows from the positions before it: its marginal is 1 and the joint probability stays.
    """
    ranking, propensity, prefix = choices.ranking.copy(), choices.propensity.copy(), choices.prefix_propensity.copy()
    defaults = candidates.default_rankings(len(ranking))
    ranking[holdout], propensity[holdout], prefix[holdout] = defaults[holdout], 1.0, 1.0
    for row in np.flatnonzero((ranking < 0).any(axis=1) & ~holdout):
        empty = np.flatnonzero(ranking[row] < 0)
        spare = [v for v in candidates.defaults if v not in ranking[row]][: len(empty)]
        ranking[row, empty[: len(spare)]] = spare
        propensity[row, empty] = 1.0
        prefix[row, empty] = prefix[row, empty[0] - 1] if empty[0] else 1.0
    return Choices(ranking, propensity, prefix, choices.candidates)


def _frame(shared: _Deciding, candidates: Candidates, chosen: Choices, rates: npt.NDArray[np.float32] | None) -> pd.DataFrame:
    """The decisions of one placement, recipient by recipient and position by position."""
    row, k = np.nonzero(chosen.ranking >= 0)
    variant = chosen.ranking[row, k]
    send, placement = shared.send, candidates.placement.placement
    ids = shared.recipient_id[row]
    return pd.DataFrame(
        {
            "decision_id": [decision_id_of(send.send_id, RecipientId(r), placement, at + 1) for r, at in zip(ids, k.tolist(), strict=True)],
            "send_id": send.send_id,
            "recipient_id": ids,
            "placement": placement,
            "position": (k + 1).astype(np.int16),
            "variant": np.array([v.variant for v in candidates.variants], dtype=object)[variant],
            "category": np.array([v.category for v in candidates.variants], dtype=object)[variant],
            "arm": shared.arm[row],
            "score": pd.array(rates[row, variant] if rates is not None else np.full(len(row), np.nan), dtype="Float32"),
            "propensity": chosen.propensity[row, k],
            "prefix_propensity": chosen.prefix_propensity[row, k],
            "candidates": chosen.candidates[row],
            "decided_at": pd.Timestamp(send.as_of).as_unit("us"),
            "received_at": pd.Timestamp(send.as_of).as_unit("us"),
            "model_version": send.model_version,
            "content_version": send.content_version,
            "source": SOURCE,
        }
    )


def published(decisions: pd.DataFrame) -> Iterator[tuple[RecipientId, PlacementId, tuple[VariantId, ...], SendId]]:
    """Decisions as the decision store takes them: one entry per recipient and placement, variants by position."""
    ordered = decisions.sort_values(["placement", "recipient_id", "position"], kind="stable")
    columns = ("recipient_id", "placement", "send_id", "variant")
    recipient, placement, send_id, variant = (ordered[name].tolist() for name in columns)
    starts = np.flatnonzero(ordered["position"].to_numpy() == 1).tolist()
    for start, end in pairwise([*starts, len(ordered)]):
        yield (
            RecipientId(recipient[start]),
            PlacementId(placement[start]),
            tuple(map(VariantId, variant[start:end])),
            SendId(send_id[start]),
        )


def count_variants(decisions: pd.DataFrame) -> dict[str, int]:
    """How often each variant was chosen, by `placement/variant`."""
    counts = (decisions["placement"] + "/" + decisions["variant"]).value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}
