"""Pictures for the model card and the evaluation, as PNG bytes."""

import io
from collections.abc import Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ranking.calibration import ReliabilityBin

_INK, _ACCENT = "#333333", "#b3261e"
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
    axes = figure.add_subplot()
    top = max([b.predicted for b in bins] + [b.observed for b in bins] + [1e-9]) * 1.08
    axes.plot([0, top], [0, top], color="#bbbbbb", linewidth=1, label="perfect")
    axes.plot([b.predicted for b in bins], [b.observed for b in bins], "o-", color=_ACCENT, label="held-out tenths")
    axes.set(xlabel="predicted rate", ylabel="observed rate", xlim=(0, top), ylim=(0, top))
    axes.set_title(f"Calibration (mean error {ece:.4f})", color=_INK, loc="left")
    axes.legend(frameon=False)
    return _png(figure)


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
