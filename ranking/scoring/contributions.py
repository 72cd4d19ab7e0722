"""Why one variant and not another: what each feature adds to the difference of their log-rates.

Contributions are SHAP values of trees (Lundberg et al., Nature Machine Intelligence 2020) as LightGBM computes them: a row's add up to
the forest's sum exactly, so those of two rows, subtracted and put on the scale of the calibrated log-rate, add up to the
difference of the two scores. exp of an effect is a factor on the rate: effects multiply.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from ranking.features import sessions
from ranking.features.compute import EMBEDDING
from ranking.features.variants import category_rows
from ranking.layout import Feature, FeatureFrame, Floats
from ranking.scoring.scorer import Scorable, variant_rows
from ranking.specification import VariantFacts

Value = float | str | None
"""A feature's value as people know it: a number or a word; None is unknown."""

PURCHASES, CATEGORY_CLICKS, SESSION_TIME, VARIANT = "purchase history", "clicks in the category", "time of sending", "the variant itself"
SESSION = "the running session"
_TOGETHER = {
    "category_engagement_rate_30d": CATEGORY_CLICKS,
    "category_shown_30d": CATEGORY_CLICKS,
    "session_local_hour": SESSION_TIME,
    "session_local_weekday": SESSION_TIME,
    **dict.fromkeys((*sessions.CROSS, *sessions.RECIPIENT), SESSION),
    "variant": VARIANT,
    "variant_placement": VARIANT,
}


@dataclass(frozen=True, slots=True)
class Contribution:
    """What features that belong together add to log(rate of `one`) − log(rate of `other`).

    `about` names them together; a feature that stands alone is called by its own name. Values are those that the model saw.
    """

    about: str
    effect: float
    one: Mapping[str, Value]
    other: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two variants for one recipient: calibrated log-rates at position 1, and what sets them apart, the largest effect first."""

    one: VariantFacts
    other: VariantFacts
    log_rates: tuple[float, float]
    contributions: tuple[Contribution, ...]

    @property
    def difference(self) -> float:
        """log(rate of `one`) − log(rate of `other`): the sum of all effects."""
        return self.log_rates[0] - self.log_rates[1]


def compare(model: Scorable, features: FeatureFrame, one: VariantFacts, other: VariantFacts, as_of: datetime) -> Comparison:
    """Compare two variants for the one recipient of a frame. ValueError for a frame of several."""
    rows = _rows(model, features, one, other, as_of)
    found = np.asarray(lgb.Booster(model_str=model.forest).predict(rows, pred_contrib=True, num_threads=1), dtype=np.float64)
    rates = model.head.log_rate(found.sum(axis=1))
    effects = model.head.log_rate(found[0, :-1]) - model.head.log_rate(found[1, :-1])  # the calibration is linear: its level cancels
    parts = _grouped(model.parameters.layout.features, rows, effects)
    ordered = sorted(parts, key=lambda part: (-abs(part.effect), part.about))
    return Comparison(one, other, (float(rates[0]), float(rates[1])), tuple(ordered))


def _rows(model: Scorable, features: FeatureFrame, one: VariantFacts, other: VariantFacts, as_of: datetime) -> Floats:
    """The recipient's row with each of the two variants, float32[2, features of the model]."""
    if len(features) != 1:
        raise ValueError(f"variants are compared for one recipient at a time, not for {len(features)}")
    both, layout = (one, other), model.parameters.layout
    cross = [features.cross[0, k] if k >= 0 else np.full(len(layout.cross), np.nan, np.float32) for k in category_rows(both, layout)]
    return np.hstack([np.repeat(features.recipient, 2, axis=0), np.stack(cross), variant_rows(model, both, as_of)])


def _grouped(features: tuple[Feature, ...], rows: Floats, effects: npt.NDArray[np.float64]) -> Iterator[Contribution]:
    members: dict[str, list[int]] = {}
    for at, feature in enumerate(features):
        members.setdefault(about(feature.name), []).append(at)
    for name, columns in members.items():
        one, other = ({features[at].name: _value(features[at], float(row[at])) for at in columns} for row in rows)
        yield Contribution(name, float(effects[columns].sum()), one, other)


def about(feature: str) -> str:
    """The name under which a feature is told."""
    return PURCHASES if feature.startswith(EMBEDDING) else _TOGETHER.get(feature, feature)


def _value(feature: Feature, value: float) -> Value:
    if np.isnan(value):
        return None
    return value if feature.vocabulary is None else feature.vocabulary[int(value)]
