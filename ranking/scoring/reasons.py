"""Contributions in words: what the model saw of a recipient and of two variants, in true values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import expm1, log2

from ranking.features.compute import ATTRIBUTE
from ranking.features.parameters import FeatureParameters
from ranking.features.variants import DECLARED
from ranking.scoring.contributions import CATEGORY_CLICKS, PURCHASES, SESSION, SESSION_TIME, VARIANT, Comparison, Contribution, Value
from ranking.specification import VariantFacts

_NEAR = 0.05  # rates within so much of the average are "as often as most"
_EXACT = 0.02  # how far a number of clicks, counted back from a float32 rate, may be from a whole one
_LARGE = 9.0  # beyond ten times as much, a factor reads better than per cent


def percent(effect: float) -> str:
    """An effect on the rate: `+18 %`, `−5 %`, `× 12`."""
    change = expm1(min(effect, 700.0))
    if change > _LARGE:
        return f"× {change + 1:,.0f}"
    return f"{'−' if change < 0 else '+'}{abs(change) * 100:.{0 if abs(change) >= _NEAR else 1}f} %"


def sentence(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    """What a contribution is about, in words and in the values that the model saw."""
    plain = _OF_RECIPIENTS.get(part.about)
    if plain:
        return plain(part.one, parameters)
    between = _BETWEEN.get(part.about)
    if between:
        return between(part, comparison, parameters)
    if part.about.startswith(ATTRIBUTE):
        return f"{part.about.removeprefix(ATTRIBUTE)} is {_shown(part.one[part.about])}"
    return _declared(part, comparison)


def _clicks_overall(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    rate, mean = values["engagement_rate_30d"], parameters.overall_prior.mean
    if not isinstance(rate, float):
        return "how often they click is unknown"
    return f"clicks {_beside(rate, mean)} ({rate:.1%} of what is shown; the average is {mean:.1%})"


def _recency(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    score = values["recency_score"]
    if not isinstance(score, float):
        return "when they were last active is unknown"
    if score <= 0:
        return "has not been active for very long, or never"
    days = -parameters.half_life_days * log2(min(score, 1.0))
    return f"was last active {days:,.0f} {'day' if round(days) == 1 else 'days'} ago"


def _segment(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    del parameters
    found = values["segment_memberships"]
    return f"behaves like segment {found}" if found is not None else "too little behaviour for a segment"


def _device(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    del parameters
    return f"last came with {_shown(values['session_device'])}" if values["session_device"] is not None else "device unknown"


def _channel(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    del parameters
    return f"last came by {_shown(values['session_channel'])}" if values["session_channel"] is not None else "channel unknown"


def _time(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    del parameters
    hour, day = values["session_local_hour"], values["session_local_weekday"]
    if not isinstance(hour, float) or day is None:
        return "local time unknown"
    return f"it is {str(day).capitalize()}, {int(hour)} o'clock, where they are"


def _bought(values: Mapping[str, Value], parameters: FeatureParameters) -> str:
    count = parameters.spec.recent_items
    return "no purchases known" if all(value is None for value in values.values()) else f"what they bought (their last {count} items)"


def _category_clicks(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    one, other = comparison.one.category, comparison.other.category
    mine, theirs = _Clicks.of(part.one, one, parameters), _Clicks.of(part.other, other, parameters)
    told = mine.told(one, f" in {parameters.spec.engagement_window.days} days")
    return told if one == other else f"{told}; {theirs.told(other)}"


@dataclass(frozen=True, slots=True)
class _Clicks:
    """How often a category was shown to a recipient (None: unknown to the model), their smoothed rate, and the average."""

    shown: float | None
    rate: float
    average: float
    strength: float

    @classmethod
    def of(cls, values: Mapping[str, Value], category: str, parameters: FeatureParameters) -> "_Clicks":
        rate, shown = values["category_engagement_rate_30d"], values["category_shown_30d"]
        if not isinstance(rate, float) or not isinstance(shown, float):
            return cls(None, 0.0, 0.0, 0.0)
        prior = parameters.priors[parameters.layout.categories.index(category)]
        return cls(shown, rate, prior.mean, prior.strength)

    def told(self, category: str, when: str = "") -> str:
        """Beside the average, with clicks of what was shown; of a category that was not shown there is nothing to say but that."""
        if self.shown is None:
            return f"{category!r} is new to the model"
        if not self.shown:
            return f"{category!r} was not shown{when}"
        return f"clicks {category!r} {_beside(self.rate, self.average)} ({self._counted(self.shown)}{when})"

    def _counted(self, shown: float) -> str:
        """Clicks counted back from the smoothed rate; the rate where that gives no whole number."""
        clicks = self.rate * (shown + self.strength) - self.average * self.strength
        if abs(clicks - round(clicks)) > _EXACT or not 0 <= round(clicks) <= shown:
            return f"{self.rate:.1%} of what is shown"
        return f"{round(clicks)} of {shown:.0f} shown"


def _near(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    del parameters
    mine, theirs = part.one["category_affinity"], part.other["category_affinity"]
    if mine is None and theirs is None:
        return "no purchases known to compare the categories with"
    beside = "" if comparison.one.category == comparison.other.category else f"; {comparison.other.category!r} {_shown(theirs)}"
    return f"what they bought is near {comparison.one.category!r} (similarity {_shown(mine)}{beside})"


def _interested(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    one, other = comparison.one.category, comparison.other.category
    mine, theirs = _interest(part.one, one, parameters), _interest(part.other, other, parameters)
    told = f"looks at and buys {mine}"
    return told if one == other else f"{told}; {theirs}"


def _interest(values: Mapping[str, Value], category: str, parameters: FeatureParameters) -> str:
    share = values["category_interest"]
    if not isinstance(share, float):
        return f"{category!r} as far as is known like everyone else"
    average = parameters.interests[parameters.layout.categories.index(category)]
    return f"{category!r} {_beside(share, average)} ({share:.0%} of what they do on the site; the average is {average:.0%})"


def _session(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    """What they do on the site at this moment, for each of the two categories."""
    del parameters
    if not part.one["session_acts"]:
        return "nothing they do on the site at this moment"
    told = [f"{_after(values, variant.category)}" for variant, values in ((comparison.one, part.one), (comparison.other, part.other))]
    return "in this session: " + (told[0] if comparison.one.category == comparison.other.category else "; ".join(told))


def _after(values: Mapping[str, Value], category: str) -> str:
    share = values["session_interest"]
    if not isinstance(share, float):
        return f"{category!r} is new to the model"
    found = [f"{share:.0%} of what they do is about {category!r}"]
    found += ["searched for it last"] if values["session_query_match"] else []
    found += ["have some in the cart or on the wishlist"] if values["session_cart_match"] else []
    return ", ".join(found)


def _variant(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    del parameters
    names = [_known(v.variant, value) for v, value in _each(comparison, part, "variant")]
    return f"how {names[0]} does with everyone, beside {names[1]}"


def _category(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    del parameters
    names = [_known(v.category, value) for v, value in _each(comparison, part, "variant_category")]
    same = comparison.one.category == comparison.other.category
    return f"how {names[0]} does with everyone" + ("" if same else f", beside {names[1]}")


def _age(part: Contribution, comparison: Comparison, parameters: FeatureParameters) -> str:
    del parameters
    told = _each(comparison, part, "variant_age_days")
    ages = [f"{variant.variant!r} {'for as long as is known' if value is None else _shown(value)}" for variant, value in told]
    return f"days since it was first shown: {ages[0]}, {ages[1]}"


def _declared(part: Contribution, comparison: Comparison) -> str:
    name = part.about.removeprefix(DECLARED)
    if part.one[part.about] is None and part.other[part.about] is None:
        return f"{name} is unknown for both"
    told = [f"{_shown(value)} for {variant.variant!r}" for variant, value in _each(comparison, part, part.about)]
    return f"{name} is {told[0]}, {told[1]}"


_OF_RECIPIENTS: dict[str, Callable[[Mapping[str, Value], FeatureParameters], str]] = {
    "engagement_rate_30d": _clicks_overall,
    "recency_score": _recency,
    "segment_memberships": _segment,
    "session_device": _device,
    "session_channel": _channel,
    SESSION_TIME: _time,
    PURCHASES: _bought,
}
_BETWEEN: dict[str, Callable[[Contribution, Comparison, FeatureParameters], str]] = {
    CATEGORY_CLICKS: _category_clicks,
    "category_affinity": _near,
    "category_interest": _interested,
    SESSION: _session,
    VARIANT: _variant,
    "variant_category": _category,
    "variant_age_days": _age,
}


def _each(comparison: Comparison, part: Contribution, feature: str) -> tuple[tuple[VariantFacts, Value], tuple[VariantFacts, Value]]:
    return (comparison.one, part.one[feature]), (comparison.other, part.other[feature])


def _known(name: str, value: Value) -> str:
    return f"{name!r}" + (" (new to the model)" if value is None else "")


def _beside(rate: float, average: float) -> str:
    if abs(rate - average) <= _NEAR * average:
        return "as often as most"
    return "more often than most" if rate > average else "less often than most"


def _shown(value: Value) -> str:
    if value is None:
        return "unknown"
    return f"{value:.4g}" if isinstance(value, float) else f"{value!r}"
