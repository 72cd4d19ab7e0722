"""Defaults by context: what visitors get of whom nothing is known but, say, their country.

For each value of an attribute, the slate that the model rates best on average over the recipients of that value, those in the holdout
left aside; of variants that each of them may see. Too few recipients are no context: an average over a handful would tell of people.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from domain.content import Content
from domain.decision import Arm
from domain.ids import PlacementId, VariantId
from ranking.deciding.choice_sets import ChoiceSet, ChoiceSets

KEYS = ["attribute", "value", "placement", "variant"]
SUMS = ["recipients", "eligible", "rate"]


def context_sums(recipients: pd.DataFrame, sets: ChoiceSets, attributes: Sequence[str]) -> pd.DataFrame:
    """Frame of KEYS and SUMS over recipients (expanded frame with `arm`, row by row as `sets`): how many there are of a value, how many
    of them may see a variant, and the sum of its predicted rates. What was left out for one reader alone (caps, mix) counts as theirs."""
    drawn = (recipients["arm"] != Arm.HOLDOUT.value).to_numpy(dtype=bool)
    parts = [_sums(recipients.loc[drawn, name], name, one, drawn) for name in attributes for one in sets.placements]
    return added_up(parts)


def _sums(values: pd.Series, attribute: str, one: ChoiceSet, drawn: np.ndarray) -> pd.DataFrame:
    variants = [str(variant.variant) for variant in one.candidates.variants]
    eligible = (one.candidates.eligible | one.repeated | one.undiverse)[drawn]
    rates = np.exp(one.log_rates[drawn].astype(np.float64))
    code, known = pd.factorize(values)
    there = code >= 0
    frame = pd.DataFrame({"value": np.repeat(known, len(variants)), "variant": np.tile(variants, len(known))})
    frame["recipients"] = np.repeat(np.bincount(code[there], minlength=len(known)), len(variants)).astype(np.int64)
    frame["eligible"] = _by_code(code[there], eligible[there].astype(np.float64), len(known)).ravel().astype(np.int64)
    frame["rate"] = _by_code(code[there], rates[there], len(known)).ravel()
    return frame.assign(attribute=attribute, placement=one.placement.placement)[[*KEYS, *SUMS]]


def _by_code(code: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Sums of the rows of float64[n, V] by code: float64[size, V]."""
    return np.column_stack([np.bincount(code, column, minlength=size) for column in values.T])


def added_up(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The sums of several parts together, in the order of keys."""
    if not parts:
        return pd.DataFrame({**{key: pd.Series(dtype="str") for key in KEYS}, "recipients": [], "eligible": [], "rate": []})
    return pd.concat(parts, ignore_index=True).groupby(KEYS, sort=True, as_index=False)[SUMS].sum()


Slates = Mapping[tuple[str, str, PlacementId], tuple[VariantId, ...]]


def context_slates(sums: pd.DataFrame, content: Content, fewest: int) -> Slates:
    """The slate of every attribute, value and placement with at least `fewest` recipients. Where fewer variants are for everybody than
    there are positions the default slate fills what is left; where none is there is no slate."""
    open_to_all = sums[(sums["recipients"] >= max(fewest, 1)) & (sums["eligible"] == sums["recipients"])]
    return dict(_slates(open_to_all.assign(mean=open_to_all["rate"] / open_to_all["recipients"]), content))


def _slates(sums: pd.DataFrame, content: Content) -> Iterator[tuple[tuple[str, str, PlacementId], tuple[VariantId, ...]]]:
    positions = {one.placement: one.positions for one in content.campaign.placements}
    ordered = sums.sort_values(["mean", "variant"], ascending=[False, True], kind="stable")
    for (attribute, value, name), part in ordered.groupby(["attribute", "value", "placement"], sort=True):
        placement = PlacementId(str(name))
        best = [VariantId(one) for one in part["variant"]]
        slate = dict.fromkeys([*best[: positions[placement]], *content.default_slate(placement)])
        yield (str(attribute), str(value), placement), tuple(slate)[: positions[placement]]
