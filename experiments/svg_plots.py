"""Plots as inline SVG: a difference with its interval over weeks, and estimates with theirs side by side. No scripts, no fonts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

WIDTH, HEIGHT = 520, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 12, 10, 26
_ROW, _LABEL = 26, 210
_LEAST = 1e-9  # a difference that is none


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval, and what it is of."""

    label: str
    value: float
    low: float
    high: float


def over_time(points: Sequence[Estimate], written: Callable[[float], str], described: str) -> str:
    """A line with its band; labels of the points stand below, the first, the middle and the last of them."""
    low, high, ticks = _scale([bound for point in points for bound in (point.low, point.high, 0.0)])
    step = (WIDTH - _LEFT - _RIGHT) / max(len(points) - 1, 1)
    across = [_LEFT + step * place for place in range(len(points))] if len(points) > 1 else [(WIDTH + _LEFT) / 2]

    def up(value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (high - value) / (high - low)

    band = [f"{x:.1f},{up(p.high):.1f}" for x, p in zip(across, points, strict=True)]
    band += [f"{x:.1f},{up(p.low):.1f}" for x, p in reversed(list(zip(across, points, strict=True)))]
    line = " ".join(f"{x:.1f},{up(p.value):.1f}" for x, p in zip(across, points, strict=True))
    parts = [_tick(up(tick), written(tick), zero=abs(tick) < _LEAST) for tick in ticks]
    parts += [f'<polygon class="band" points="{" ".join(band)}"/>', f'<polyline class="line" points="{line}"/>']
    last = f'<line class="limits" x1="{{x:.1f}}" x2="{{x:.1f}}" y1="{up(points[-1].low):.1f}" y2="{up(points[-1].high):.1f}"/>'
    parts += [last.format(x=across[-1]), f'<circle class="dot" cx="{across[-1]:.1f}" cy="{up(points[-1].value):.1f}" r="3.5"/>']
    parts += [
        _below(across[place], points[place].label, _anchor(place, len(points))) for place in sorted({0, len(points) // 2, len(points) - 1})
    ]
    return _svg(WIDTH, HEIGHT, parts, described)


def side_by_side(estimates: Sequence[Estimate], written: Callable[[float], str], described: str) -> str:
    """One row each: the label, the interval as a line, the value as a dot, and both in words."""
    low, high, ticks = _scale([bound for one in estimates for bound in (one.low, one.high, 0.0)])
    height = _TOP + _ROW * len(estimates) + _BOTTOM
    plot = WIDTH - 20

    def along(value: float) -> float:
        return _LABEL + plot * (value - low) / (high - low)

    bottom = height - _BOTTOM
    parts = []
    for tick in ticks:
        kind, x = "zero" if abs(tick) < _LEAST else "grid", f"{along(tick):.1f}"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{bottom + 16}" text-anchor="middle">{escape(written(tick))}</text>')
    for place, one in enumerate(estimates):
        y = _TOP + _ROW * (place + 0.5)
        parts.append(f'<text class="label" x="{_LABEL - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(one.label))}</text>')
        parts.append(f'<line class="limits" x1="{along(one.low):.1f}" x2="{along(one.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<circle class="dot" cx="{along(one.value):.1f}" cy="{y:.1f}" r="3.5"><title>{escape(one.label)}</title></circle>')
    return _svg(_LABEL + plot + 24, height, parts, described)


def _svg(width: int, height: int, parts: Sequence[str], described: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(described, quote=True)}">{"".join(parts)}</svg>'


def _tick(y: float, text: str, *, zero: bool) -> str:
    line = f'<line class="{"zero" if zero else "grid"}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'


def _below(x: float, text: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(text)}</text>'


def _anchor(place: int, count: int) -> str:
    return "middle" if 0 < place < count - 1 or count == 1 else ("start" if place == 0 else "end")


def _short(label: str, most: int = 32) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _scale(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """Round limits that hold all finite values, and three to six ticks between them."""
    known = [value for value in values if isfinite(value)]
    low, high = min(known), max(known)
    spread = high - low
    if spread < _LEAST:  # nothing but zeros
        low, high, spread = low - 1, high + 1, 2.0
    power = 10.0 ** floor(log10(spread / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if spread / (power * factor) <= 5)  # noqa: PLR2004 - ticks
    first, last = floor(low / step), ceil(high / step)
    return first * step, last * step, [tick * step for tick in range(first, last + 1)]
