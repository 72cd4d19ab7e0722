"""Pictures for the model card and the evaluation, as PNG bytes."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ranking.calibration import ReliabilityBin
from ranking.policies.estimators import Interval
from ranking.policies.verdicts import PolicyValue

_INK, _ACCENT, _FAINT = "#333333", "#b3261e", "#bbbbbb"
_PALE = 0.3
_ESTIMATORS = {  # of a PolicyValue: label, color, mark, and where it stands in its row
    "item_position": ("item-position IPS", _ACCENT, "o", -0.16),
    "prefix": ("prefix IPS", "#777777", "s", 0.0),
    "doubly_robust": ("doubly robust", "#1f5aa6", "D", 0.16),
}
_SHOWN_FEATURES = 20


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def calibration_picture(bins: Sequence[ReliabilityBin], ece: float) -> bytes:
    """Predicted against observed rates of held-out decisions, a point per tenth."""
    figure = _figure(5, 4.4)
    _reliability(figure.add_subplot(), {"held-out tenths": bins})
    figure.axes[0].set_title(f"Calibration (mean error {ece:.4f})", color=_INK, loc="left")
    return _png(figure)


def _reliability(axes: Axes, bins: Mapping[str, Sequence[ReliabilityBin]]) -> None:
    """Lines by their label, over the diagonal of a perfect forecast."""
    every = [rate for points in bins.values() for b in points for rate in (b.predicted, b.observed)]
    top = max([*every, 1e-9]) * 1.08
    axes.plot([0, top], [0, top], color=_FAINT, linewidth=1, label="perfect")
    for (label, points), color in zip(bins.items(), (_ACCENT, _INK), strict=False):
        axes.plot([b.predicted for b in points], [b.observed for b in points], "o-", color=color, label=label)
    axes.set(xlabel="predicted rate", ylabel="observed rate", xlim=(0, top), ylim=(0, top))
    axes.legend(frameon=False)


def values_picture(title: str, unit: str, policies: Sequence[PolicyValue], bins: Mapping[str, Sequence[ReliabilityBin]]) -> bytes:
    """Values of policies with their 95 % intervals, pale where there can be no verdict; beside them the reliability of each model."""
    figure = _figure(12.5 if bins else 8, max(2 + 0.42 * len(policies), 4.2))
    axes = figure.subplots(1, 2, width_ratios=(1.6, 1)) if bins else [figure.add_subplot()]
    _values(axes[0], policies)
    axes[0].set_xlabel(f"{unit}, with 95 % intervals")
    axes[0].set_title(title, color=_INK, loc="left")
    if bins:
        _reliability(axes[1], bins)
        axes[1].set_title("Predicted and observed, by tenths", color=_INK, loc="left")
    return _png(figure)


def _values(axes: Axes, policies: Sequence[PolicyValue]) -> None:
    """A row per policy, the first on top, with a mark per estimator. The axis holds what can be told; the rest may leave it."""
    for estimator, (label, color, marker, offset) in _ESTIMATORS.items():
        label_once: str | None = label
        for at, policy in enumerate(policies):
            found: Interval | None = getattr(policy, estimator)
            if found is None:
                continue
            errors = [[found.value - found.low], [found.high - found.value]]
            alpha = 1.0 if _told(policy, estimator) else _PALE
            axes.errorbar(found.value, at + offset, xerr=errors, fmt=marker, ms=4, color=color, alpha=alpha, label=label_once)
            label_once = None
    axes.set_xlim(*_limits(policies))
    axes.set_yticks(range(len(policies)), [p.policy for p in policies])
    axes.invert_yaxis()
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def _told(policy: PolicyValue, estimator: str) -> bool:
    support = policy.prefix_support if estimator == "prefix" else policy.support
    return support is not None and not support.reasons


def _limits(policies: Sequence[PolicyValue]) -> tuple[float, float]:
    """Of what can be told, and of all values."""
    known = [(p, name, getattr(p, name)) for p in policies for name in _ESTIMATORS if getattr(p, name) is not None]
    told = [end for p, name, found in known if _told(p, name) for end in (found.low, found.high)]
    ends = [*told, *(p.item_position.value for p in policies)]
    margin = 0.05 * max(max(ends) - min(ends), 1e-9)
    return min(ends) - margin, max(ends) + margin


def importance_picture(importances: Mapping[str, float]) -> bytes:
    """The most useful features by their share of gain."""
    shown = sorted(importances.items(), key=lambda pair: -pair[1])[:_SHOWN_FEATURES][::-1]
    figure = _figure(7, 0.8 + 0.27 * max(len(shown), 1))
    axes = figure.add_subplot()
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=_ACCENT)
    axes.set_xlabel("share of gain")
    axes.set_title("What the model looks at", color=_INK, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)
