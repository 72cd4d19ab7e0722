"""Features of variants: id, placement, category, age and what their front matter declares."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

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
    """Age in days of each variant at one instant, float32[V]: `ages_at` for serving."""
    us = (as_of - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return ages_at(variants, first_seen, np.arange(len(variants)), np.full(len(variants), us))


def ages_at(
    variants: Sequence[VariantFacts], first_seen: Mapping[str, datetime], which: npt.NDArray[np.int64], at_us: npt.NDArray[np.int64]
) -> Floats:
    """Days (of UTC) that variant `which[i]` had been known to be shown, or else live, at the instant `at_us[i]`: float32[rows].

    Only what was received before that instant counts: where nobody knew of a showing yet and nothing says since when it was live,
    a variant is new: 0.
    """
    never = np.datetime64("NaT")
    seen = np.array([_utc(first_seen.get(v.key)) or never for v in variants], dtype="datetime64[us]")[which]
    live = np.array([_utc(v.live_from) or never for v in variants], dtype="datetime64[us]")[which]
    at = at_us.astype("datetime64[us]")
    since = np.where(seen < at, seen, live).astype("datetime64[D]")  # NaT < at is false
    days = (at.astype("datetime64[D]") - since).astype(np.float32)
    return np.where(np.isnat(since), np.float32(0), np.maximum(days, np.float32(0)))


def _utc(instant: datetime | None) -> datetime | None:
    """Without its zone, as NumPy wants it."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant else None


def age_feature(layout: Layout) -> int:
    """The column of the variants' age within their group."""
    return next(at for at, feature in enumerate(layout.variant) if feature.name == "variant_age_days")


def category_rows(variants: Sequence[VariantFacts], layout: Layout) -> npt.NDArray[np.int64]:
    """Each variant's row among the cross features, int64[V]; −1 for a category unknown to the model."""
    at = {category: k for k, category in enumerate(layout.categories)}
    return np.array([at.get(v.category, -1) for v in variants], dtype=np.int64)
