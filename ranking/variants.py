"""Features of variants: id, placement, category, age and what their front matter declares."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.layout import Feature, Floats, Layout
from ranking.specification import VariantFacts

DECLARED = "variant."  # prefix of features from front matter
_OWN = ("variant", "variant_placement", "variant_category", "variant_age_days")


def variant_features(variants: Sequence[VariantFacts]) -> tuple[Feature, ...]:
    """The features that these variants have, with their vocabularies."""
    own = (
        Feature("variant", _words(v.key for v in variants)),
        Feature("variant_placement", _words(v.placement for v in variants)),
        Feature("variant_category", _words(v.category for v in variants)),
        Feature("variant_age_days"),
    )
    names = sorted({name for v in variants for name in v.declared})
    return own + tuple(_declared_feature(name, variants) for name in names)


def _declared_feature(name: str, variants: Sequence[VariantFacts]) -> Feature:
    """Numeric if every variant that declares it gives a number or a truth value, else categorical."""
    values = [v.declared[name] for v in variants if name in v.declared]
    if all(isinstance(value, (int, float)) for value in values):
        return Feature(DECLARED + name)
    return Feature(DECLARED + name, _words(map(str, values)))


def _words(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def encode_variants(variants: Sequence[VariantFacts], layout: Layout) -> Floats:
    """float32[V, features of variants] without their age, which `ages` gives; unseen words are NaN."""
    columns = [_column(feature, variants) for feature in layout.variant]
    return np.stack(columns, axis=1) if columns else np.empty((len(variants), 0), np.float32)


def _column(feature: Feature, variants: Sequence[VariantFacts]) -> Floats:
    values: list[object]
    match feature.name:
        case "variant":
            values = [v.key for v in variants]
        case "variant_placement":
            values = [v.placement for v in variants]
        case "variant_category":
            values = [v.category for v in variants]
        case "variant_age_days":
            values = [np.nan] * len(variants)
        case name:
            values = [v.declared.get(name.removeprefix(DECLARED)) for v in variants]
    if feature.vocabulary is not None:
        values = [None if value is None else str(value) for value in values]
    return feature.encode(pd.Series(values, dtype=object))


def ages(variants: Sequence[VariantFacts], first_seen: Mapping[str, datetime], as_of: datetime) -> Floats:
    """Days (of UTC) since each variant was first shown or went live, float32[V]; a variant never shown before is new: 0."""
    since = [first_shown(v, first_seen) or as_of for v in variants]
    return np.array([max((_day(as_of) - _day(s)).days, 0) for s in since], dtype=np.float32)


def first_shown(variant: VariantFacts, first_seen: Mapping[str, datetime]) -> datetime | None:
    """When a variant was first shown, else when it went live; None if neither is known."""
    return first_seen.get(variant.key) or variant.live_from


def _day(instant: datetime) -> date:
    return instant.astimezone(UTC).date()


def age_feature(layout: Layout) -> int:
    """The column of the variants' age within their group."""
    return next(at for at, feature in enumerate(layout.variant) if feature.name == "variant_age_days")


def category_rows(variants: Sequence[VariantFacts], layout: Layout) -> npt.NDArray[np.int64]:
    """Each variant's row among the cross features, int64[V]; −1 for a category unknown to the model."""
    at = {category: k for k, category in enumerate(layout.categories)}
    return np.array([at.get(v.category, -1) for v in variants], dtype=np.int64)
