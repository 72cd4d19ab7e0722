"""Features, fitted once and computed by one function for training and serving (DESIGN §6.2).

`fit_features` looks at rows of the past and stores every number that turns history into features; `compute_features`
applies them to any rows, whether each has its own as_of (training) or all the same (serving).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import InputError
from domain.recipient import AttributeKind
from ranking.embeddings import affinity, embed, fit_items
from ranking.engagement import EngagementCounts, fit_priors, smoothed_rates
from ranking.history import History, opened
from ranking.knowledge import Knowledge, baskets, look_up, shown_variants
from ranking.layout import Feature, FeatureFrame, Floats, Layout
from ranking.parameters import FeatureParameters
from ranking.point_in_time import spine_of
from ranking.segments import assign, fit_segments
from ranking.session import WEEKDAYS, local_times
from ranking.specification import FeatureSpec, VariantFacts
from ranking.variants import variant_features

ATTRIBUTE = "attribute."  # prefix of declared recipient attributes
EMBEDDING = "purchase_history_embedding"
CROSS = ("category_engagement_rate_30d", "category_shown_30d", "category_affinity")

_ENOUGH_ROWS = 1_000
_HALF_LIFE_DAYS = (1.0, 90.0)
_DEFAULT_HALF_LIFE = 14.0


def fit_features(history: History, spine: pd.DataFrame, as_of: datetime, spec: FeatureSpec, *, threads: int = 2) -> FeatureParameters:
    """Fit on the spine's rows of the last `fit_window` (all rows if these are too few) and on what was received before as_of.

    `spine`: recipient_id, as_of, time_zone and the declared attributes.
    """
    rows, since = _recent(spine, as_of, spec)
    with opened(history, threads=threads) as connection:
        shown, first_seen = shown_variants(connection, as_of)
        spec = replace(spec, variants=_catalogue(spec.variants, shown))
        categories = tuple(sorted({v.category for v in spec.variants if v.category}))
        known = look_up(connection, spine_of(rows), spec, categories)
        items = fit_items(baskets(connection, as_of, spec), categories, spec.dimensions, spec.seed)
    segments = fit_segments(known.behaviour, spec.segments, spec.seed)
    recipient = _recipient_features(rows, known, spec, segments.names if segments else (), items.dimensions if items else 0)
    layout = Layout(recipient, tuple(map(Feature, CROSS)), variant_features(spec.variants), categories)
    priors, overall = fit_priors(known.engagement), fit_priors(_overall(known.engagement))[0]
    half_life = _half_life(known.idle_days)
    return FeatureParameters(spec, layout, as_of, since, len(rows), half_life, priors, overall, first_seen, segments, items)


def _recent(spine: pd.DataFrame, as_of: datetime, spec: FeatureSpec) -> tuple[pd.DataFrame, datetime]:
    """The spine's rows within the fitting window, and its start; all of them when the window is too thin to fit on."""
    at = pd.to_datetime(spine["as_of"], utc=True)
    recent = (at >= as_of - spec.fit_window).to_numpy()
    if recent.sum() >= _ENOUGH_ROWS:
        return spine[recent], as_of - spec.fit_window
    return spine, at.min().to_pydatetime() if len(spine) else as_of


def _catalogue(declared: Iterable[VariantFacts], shown: Iterable[VariantFacts]) -> tuple[VariantFacts, ...]:
    """Variants of the content and of history; what the content says of a variant wins."""
    merged = {v.key: v for v in shown} | {v.key: v for v in declared}
    return tuple(merged[key] for key in sorted(merged))


def _overall(counts: EngagementCounts) -> EngagementCounts:
    return EngagementCounts(counts.shown.sum(axis=1, keepdims=True), counts.clicks.sum(axis=1, keepdims=True))


def _half_life(idle_days: npt.NDArray[np.float64]) -> float:
    """The median idle time: half of those who ever engaged then score above a half."""
    known = idle_days[~np.isnan(idle_days)]
    return float(np.clip(np.median(known), *_HALF_LIFE_DAYS)) if len(known) >= _ENOUGH_ROWS else _DEFAULT_HALF_LIFE


def _recipient_features(
    rows: pd.DataFrame, known: Knowledge, spec: FeatureSpec, segments: tuple[str, ...], dimensions: int
) -> tuple[Feature, ...]:
    return (
        Feature("recency_score"),
        Feature("engagement_rate_30d"),
        Feature("segment_memberships", segments),
        Feature("session_device", _vocabulary(known.context["device"], spec.vocabulary)),
        Feature("session_channel", _vocabulary(known.context["channel"], spec.vocabulary)),
        Feature("session_local_hour"),
        Feature("session_local_weekday", WEEKDAYS),
        *(Feature(f"{EMBEDDING}_{at:02d}") for at in range(dimensions)),
        *_attribute_features(rows, spec),
    )


def _attribute_features(rows: pd.DataFrame, spec: FeatureSpec) -> Iterable[Feature]:
    for name, kind in sorted(spec.attributes.items()):
        if kind is AttributeKind.NUMERIC:
            yield Feature(ATTRIBUTE + name)
        elif kind is AttributeKind.CATEGORICAL:
            yield Feature(ATTRIBUTE + name, _vocabulary(rows[name], spec.vocabulary))


def _vocabulary(values: pd.Series, size: int) -> tuple[str, ...]:
    """The most frequent words, in alphabetical order; ties at the edge go to the alphabet."""
    counts = values.dropna().astype("str").value_counts()
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    return tuple(sorted(str(word) for word, _ in ranked[:size]))


def compute_features(spine: pd.DataFrame, history: History, parameters: FeatureParameters, *, threads: int = 2) -> FeatureFrame:
    """Features of every row of the spine (recipient_id, as_of, time_zone and the declared attributes), in its order.

    Only what was received before a row's as_of counts. Raises InputError if an attribute of the model is missing.
    """
    check_attributes(parameters, spine.columns)
    with opened(history, threads=threads) as connection:
        known = look_up(connection, spine_of(spine), parameters.spec, parameters.layout.categories)
    columns = _recipient_columns(spine, known, parameters)
    recipient = np.stack([columns[f.name] for f in parameters.layout.recipient], axis=1)
    ids = spine["recipient_id"].to_numpy(dtype=object)
    return FeatureFrame(parameters.layout, ids, recipient, _cross(known, columns, parameters))


def serving_spine(recipients: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The spine of a send: every recipient (expanded frame) at the same instant."""
    return recipients.assign(as_of=pd.Timestamp(as_of).tz_convert("UTC").as_unit("us"))


def check_attributes(parameters: FeatureParameters, columns: Iterable[str]) -> None:
    """Raise InputError naming the attributes a model was trained on that recipients do not have."""
    present = set(columns)
    if missing := [n for n, kind in sorted(parameters.spec.attributes.items()) if kind is not AttributeKind.TEXT and n not in present]:
        raise InputError(
            f"the model was trained on recipient attributes that are not there now: {', '.join(missing)}",
            hint="import them again, or train a new model with `letterpress train`",
        )


def _recipient_columns(spine: pd.DataFrame, known: Knowledge, parameters: FeatureParameters) -> dict[str, Floats]:
    """Columns of the recipient group by name, float32[n] each."""
    hour, weekday = local_times(pd.to_datetime(spine["as_of"], utc=True), spine["time_zone"])
    features = {f.name: f for f in parameters.layout.recipient}
    columns: dict[str, Floats] = {
        "recency_score": _recency(known.idle_days, parameters.half_life_days),
        "engagement_rate_30d": smoothed_rates(_overall(known.engagement), (parameters.overall_prior,))[:, 0],
        "segment_memberships": _segments(known, parameters),
        "session_device": features["session_device"].encode(known.context["device"]),
        "session_channel": features["session_channel"].encode(known.context["channel"]),
        "session_local_hour": hour,
        "session_local_weekday": weekday,
    }
    columns |= {f"{EMBEDDING}_{at:02d}": column for at, column in enumerate(_embedding(known, parameters).T)}
    return columns | {name: f.encode(spine[name.removeprefix(ATTRIBUTE)]) for name, f in features.items() if name.startswith(ATTRIBUTE)}


def _recency(idle_days: npt.NDArray[np.float64], half_life_days: float) -> Floats:
    """2^(−idle / half-life) in [0, 1]; 0, its limit, for those who never engaged."""
    return np.nan_to_num(np.exp2(-idle_days / half_life_days), nan=0.0).astype(np.float32)


def _segments(known: Knowledge, parameters: FeatureParameters) -> Floats:
    if parameters.segments is None:
        return np.full(len(known.behaviour), np.nan, dtype=np.float32)
    return assign(known.behaviour, parameters.segments)


def _embedding(known: Knowledge, parameters: FeatureParameters) -> Floats:
    n = len(known.idle_days)
    if parameters.items is None:
        return np.empty((n, 0), dtype=np.float32)
    return embed(known.item_rows, known.items, parameters.items, n)


def _cross(known: Knowledge, columns: dict[str, Floats], parameters: FeatureParameters) -> Floats:
    """Features of recipient × category in the order of CROSS: float32[n, K, 3]."""
    rates = smoothed_rates(known.engagement, parameters.priors)
    shown = known.engagement.shown.astype(np.float32)
    if parameters.items is None:
        near = np.full_like(rates, np.nan)
    else:
        embedding = np.stack([columns[f"{EMBEDDING}_{at:02d}"] for at in range(parameters.items.dimensions)], axis=1)
        near = affinity(embedding, parameters.items)
    return np.stack([rates, shown, near], axis=2)
