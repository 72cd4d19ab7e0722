"""Features of variants: id, placement, category, age and what their front matter declares."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from ranking.layout import Feature, Floats, Layout
from ranking.specification import VariantFacts

DECLARED = "variant."  # prefix of features from front matter
_FIRST_DAY = np.timedelta64(1, "D")
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
    a variant is new: 0. What was there when the record begins may be of any age: NaN, unless something says since when it was live. Else
    its age would tell nothing but the date, and whatever changed meanwhile, such as who decides, would pass for an effect of age.
    """
    never = np.datetime64("NaT")
    began = np.datetime64(_utc(min(first_seen.values())), "us") + _FIRST_DAY if first_seen else never
    seen = np.array([_utc(first_seen.get(v.key)) or never for v in variants], dtype="datetime64[us]")[which]
    live = np.array([_utc(v.live_from) or never for v in variants], dtype="datetime64[us]")[which]
    at = at_us.astype("datetime64[us]")
    known, always = seen < at, (seen < at) & (seen < began)  # NaT < at is false
    since = np.where(known & ~always, seen, live).astype("datetime64[D]")
    days = (at.astype("datetime64[D]") - since).astype(np.float32)
    unknown = np.where(always, np.float32(np.nan), np.float32(0))
    return np.where(np.isnat(since), unknown, np.maximum(days, np.float32(0)))


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
