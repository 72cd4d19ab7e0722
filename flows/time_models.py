"""Time two models on the same recipients: features, scores and choices, one after the other in one process."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import pandas as pd

from domain.ids import ModelVersion
from domain.send import Send
from flows.load_basis import Basis, load_basis
from flows.load_model import load_model
from flows.prepare_choices import fresh_inputs, of_incumbent, prepare_choices
from flows.price_variants import prices_for
from flows.run_stage import shard_name
from ranking.deciding.choice_sets import ChoiceSets
from ranking.deciding.decide import decide
from runtime.house import House

ENOUGH, _SAMPLE, _WARM_UP = 1_000, 2_000, 20  # recipients


@dataclass(frozen=True, slots=True)
class Timed:
    """What a model decided for some audiences, and how long it took in all."""

    seconds: float
    decisions: Sequence[pd.DataFrame]
    prepared: Sequence[tuple[pd.DataFrame, ChoiceSets]]


def both_models(house: House, send: Send, candidate: ModelVersion) -> tuple[Basis, Basis]:
    """The basis of a send with its incumbent for everyone, and with the candidate for everyone."""
    basis = load_basis(house, send.send_id)
    alone = replace(basis, candidate=None, send=replace(send, candidate_version=None))
    return alone, replace(alone, model=load_model(house, candidate), send=replace(alone.send, model_version=candidate))


def timed(basis: Basis, audiences: Sequence[pd.DataFrame]) -> Timed:
    """Decide, after a few recipients of whom the time is not taken: what is compiled at first use is compiled then. Writes nothing."""
    _decided(basis, [audience.head(_WARM_UP) for audience in audiences[:1]])
    began = perf_counter()
    prepared, decisions = _decided(basis, audiences)
    return Timed(perf_counter() - began, decisions, prepared)


def slowness_in(house: House, send: Send | None) -> float | None:
    """How many times as long the candidate takes for recipients of this send; None where there are too few of them to say."""
    if send is None or not send.candidate_version:
        return None
    shard = min(house.sends.finished_shards(send.send_id, "audience"))
    audience = house.lake.read("audience", {"send_id": send.send_id}, name=shard_name(shard))
    sample = [of_incumbent(audience[audience["exclusion"].isna()].head(_SAMPLE))]
    if len(sample[0]) < ENOUGH:
        return None
    incumbent, candidate = (timed(basis, sample).seconds for basis in both_models(house, send, send.candidate_version))
    return candidate / max(incumbent, 1e-9)


def _decided(basis: Basis, audiences: Sequence[pd.DataFrame]) -> tuple[list[tuple[pd.DataFrame, ChoiceSets]], list[pd.DataFrame]]:
    prices = prices_for(basis)
    prepared = [prepare_choices(basis, inputs) for inputs in fresh_inputs(basis, audiences)]
    return prepared, [decide(who, sets, content=basis.content, model=basis.model, send=basis.send, prices=prices) for who, sets in prepared]
