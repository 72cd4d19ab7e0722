"""Features, fitted once and computed by one function for training and serving (DESIGN §6.2).

`fit_features` looks at rows of the past and stores every number that turns history into features; `compute_features`
applies them to any rows, whether each has its own as_of (training) or all the same (serving).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from domain.errors import InputError
from domain.recipient import AttributeKind
from ranking.features import sessions
from ranking.features.embeddings import Tastes, fit_items, no_tastes, tastes
from ranking.features.engagement import fit_priors, smoothed_rates
from ranking.features.interest import interest_shares, usual_interests
from ranking.features.knowledge import Knowledge, baskets, look_up, shown_variants
from ranking.features.parameters import ENOUGH_ROWS, FeatureParameters
from ranking.features.point_in_time import Words
from ranking.features.searches import fit_searches
from ranking.features.segments import Segments, assign, fit_segments
from ranking.features.session import WEEKDAYS, local_times
from ranking.features.spine import spine_of
from ranking.features.variants import variant_features
from ranking.history import History, opened
from ranking.layout import Feature, FeatureFrame, Floats, Layout
from ranking.specification import FeatureSpec, VariantFacts

ATTRIBUTE = "attribute."  # prefix of declared recipient attributes
EMBEDDING = "purchase_history_embedding"
CROSS = ("category_engagement_rate_30d", "category_shown_30d", "category_affinity", "category_interest", *sessions.CROSS)

MEMORY_MB = 400  # what a scan of history may hold

_HALF_LIFE_DAYS = (1.0, 90.0)
_DEFAULT_HALF_LIFE = 14.0


def fit_features(
    history: History, spine: pd.DataFrame, as_of: datetime, spec: FeatureSpec, *, previous: Segments | None = None, threads: int = 2
) -> FeatureParameters:
    """Fit on the spine's rows of the last `fit_window` and on what was received before as_of; on the last 1,000 rows if that is more.

    `spine`: recipient_id, as_of, time_zone and the declared attributes. `previous`: segments of the model before, whose names go on.
    ValueError for rows that know more than as_of does.
    """
    rows, since = _recent(spine, as_of, spec)
    with opened(history, threads=threads) as connection:
        shown, first_seen = shown_variants(connection, as_of)
        spec = replace(spec, variants=_catalogue(spec.variants, shown))
        categories = tuple(sorted({v.category for v in spec.variants if v.category}))
        known = look_up(connection, spine_of(rows), spec, categories)
        items = fit_items(baskets(connection, as_of, spec), categories, spec.dimensions, spec.seed)
        words = fit_searches(connection, as_of, spec.interest_window, categories)
    segments = fit_segments(known.behaviour[_latest(rows)], spec.segments, spec.seed, previous)
    axes = min(items.dimensions, spec.embedding_axes) if items else 0
    recipient = _recipient_features(rows, known, spec, segments.names.words if segments else (), axes)
    layout = Layout(recipient, tuple(map(Feature, CROSS)), variant_features(spec.variants), categories)
    priors, overall = fit_priors(known.engagement), fit_priors(known.engagement.overall())[0]
    half_life = _half_life(known.idle_days)
    usual = usual_interests(known.interests)
    return FeatureParameters(spec, layout, as_of, since, len(rows), half_life, priors, overall, first_seen, segments, items, usual, words)


def _recent(spine: pd.DataFrame, as_of: datetime, spec: FeatureSpec) -> tuple[pd.DataFrame, datetime]:
    """The spine's rows within the fitting window, and its start; it reaches back further where it would be too thin to fit on."""
    at = pd.to_datetime(spine["as_of"], utc=True)
    if (at > as_of).any():
        raise ValueError("features are fitted on rows of the past: some are later than as_of")
    since = pd.Timestamp(as_of - spec.fit_window)
    if (at >= since).sum() < ENOUGH_ROWS:
        since = min([since, *at.nlargest(ENOUGH_ROWS).tail(1)])
    return spine[(at >= since).to_numpy()], since.to_pydatetime()


def _latest(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The place of each recipient's latest row, int64."""
    at = pd.to_datetime(rows["as_of"], utc=True).reset_index(drop=True)
    return at.groupby(rows["recipient_id"].to_numpy(dtype=object)).idxmax().to_numpy(dtype=np.int64)


def _catalogue(declared: Iterable[VariantFacts], shown: Iterable[VariantFacts]) -> tuple[VariantFacts, ...]:
    """Variants of the content and of history; what the content says of a variant wins."""
    merged = {v.key: v for v in shown} | {v.key: v for v in declared}
    return tuple(merged[key] for key in sorted(merged))


def _half_life(idle_days: npt.NDArray[np.float64]) -> float:
    """The median idle time: half of those who ever engaged then score above a half."""
    known = idle_days[~np.isnan(idle_days)]
    return float(np.clip(np.median(known), *_HALF_LIFE_DAYS)) if len(known) >= ENOUGH_ROWS else _DEFAULT_HALF_LIFE


def _recipient_features(
    rows: pd.DataFrame, known: Knowledge, spec: FeatureSpec, segments: tuple[str, ...], axes: int
) -> tuple[Feature, ...]:
    return (
        Feature("recency_score"),
        Feature("engagement_rate_30d"),
        Feature("segment_memberships", segments),
        Feature("session_device", _vocabulary(known.device.counts(), spec.vocabulary)),
        Feature("session_channel", _vocabulary(known.channel.counts(), spec.vocabulary)),
        Feature("session_local_hour"),
        Feature("session_local_weekday", WEEKDAYS),
        *(Feature(f"{EMBEDDING}_{at:02d}") for at in range(axes)),
        *map(Feature, sessions.RECIPIENT),
        *_attribute_features(rows, spec),
    )


def _attribute_features(rows: pd.DataFrame, spec: FeatureSpec) -> Iterable[Feature]:
    for name, kind in sorted(spec.attributes.items()):
        if kind is AttributeKind.NUMERIC:
            yield Feature(ATTRIBUTE + name)
        elif kind is AttributeKind.CATEGORICAL:
            yield Feature(ATTRIBUTE + name, _vocabulary(Counter(rows[name].dropna().astype("str")), spec.vocabulary))


def _vocabulary(counts: Mapping[str, int], size: int) -> tuple[str, ...]:
    """The most frequent words, in alphabetical order; ties at the edge go to the alphabet."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(sorted(word for word, _ in ranked[:size]))


def compute_features(
    spine: pd.DataFrame, history: History, parameters: FeatureParameters, *, threads: int = 2, memory_mb: int = MEMORY_MB
) -> FeatureFrame:
    """Features of every row of the spine (recipient_id, as_of, time_zone and the declared attributes), in its order.

    Only what was received before a row's as_of counts. `memory_mb` bounds what scanning history holds; the result comes on top, some
    300 bytes a row. Raises InputError if an attribute of the model is missing.
    """
    check_attributes(parameters, spine.columns)
    with opened(history, threads=threads, memory_mb=memory_mb) as connection:
        known = look_up(connection, spine_of(spine), parameters.spec, parameters.layout.categories, parameters.words)
    liked = _tastes(known, parameters)
    recipient = np.empty((len(spine), len(parameters.layout.recipient)), dtype=np.float32)
    place = {f.name: at for at, f in enumerate(parameters.layout.recipient)}
    for name, column in _recipient_columns(spine, known, liked, parameters):
        if name in place:  # a model from before a feature was thought of does without it
            recipient[:, place[name]] = column
    ids = spine["recipient_id"].to_numpy(dtype=object)
    return FeatureFrame(parameters.layout, ids, recipient, _cross(known, liked, parameters))


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


def _recipient_columns(spine: pd.DataFrame, known: Knowledge, liked: Tastes, parameters: FeatureParameters) -> Iterator[tuple[str, Floats]]:
    """The columns of the recipient group with their names, float32[n] each; one at a time, for memory."""
    features = {f.name: f for f in parameters.layout.recipient}
    yield "recency_score", _recency(known.idle_days, parameters.half_life_days)
    yield "engagement_rate_30d", smoothed_rates(known.engagement.overall(), (parameters.overall_prior,))[:, 0]
    yield "segment_memberships", _segments(known, parameters)
    yield "session_device", _encoded(features["session_device"], known.device)
    yield "session_channel", _encoded(features["session_channel"], known.channel)
    hour, weekday = local_times(pd.to_datetime(spine["as_of"], utc=True), spine["time_zone"])
    yield from (("session_local_hour", hour), ("session_local_weekday", weekday))
    yield from ((f"{EMBEDDING}_{at:02d}", column) for at, column in enumerate(liked.axes.T))
    yield from ((name, known.sessions.recipient(name)) for name in sessions.RECIPIENT)
    yield from ((name, f.encode(spine[name.removeprefix(ATTRIBUTE)])) for name, f in features.items() if name.startswith(ATTRIBUTE))


def _encoded(feature: Feature, words: Words) -> Floats:
    """The feature's codes of one word per row, float32[n]; NaN for unknown words."""
    codes = feature.encode(pd.Series([*words.words, None], dtype=object))
    return codes[words.codes]  # −1 is the last: missing


def _recency(idle_days: npt.NDArray[np.float64], half_life_days: float) -> Floats:
    """2^(−idle / half-life) in [0, 1]; 0, its limit, for those who never engaged."""
    return np.nan_to_num(np.exp2(-idle_days / half_life_days), nan=0.0).astype(np.float32)


def _segments(known: Knowledge, parameters: FeatureParameters) -> Floats:
    if parameters.segments is None:
        return np.full(len(known.behaviour), np.nan, dtype=np.float32)
    return assign(known.behaviour, parameters.segments)


def _tastes(known: Knowledge, parameters: FeatureParameters) -> Tastes:
    items, bought, n = parameters.items, known.baskets, len(known.idle_days)
    if items is None:
        return no_tastes(n, len(parameters.layout.categories))
    return tastes(bought.item_rows, items.places_of(bought.names)[bought.items], items, n, parameters.spec.embedding_axes)


def _cross(known: Knowledge, liked: Tastes, parameters: FeatureParameters) -> Floats:
    """Features of recipient × category in the order of the model's layout, which may be older than CROSS: float32[n, K, C]."""
    features = parameters.layout.cross
    out = np.empty((*known.engagement.shown.shape, len(features)), dtype=np.float32)
    for at, feature in enumerate(features):
        match feature.name:
            case "category_engagement_rate_30d":
                out[:, :, at] = smoothed_rates(known.engagement, parameters.priors)
            case "category_shown_30d":
                out[:, :, at] = known.engagement.shown
            case "category_affinity":
                out[:, :, at] = liked.affinity
            case "category_interest":
                out[:, :, at] = interest_shares(known.interests, parameters.interests)
            case name:
                out[:, :, at] = known.sessions.cross(name)
    return out
