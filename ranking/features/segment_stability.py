"""How many segments: as many as are found again on other recipients.

For each number tried, clusters are fitted on bootstrap samples of recipients, and all of them assign the same rows. Stability is
the mean adjusted Rand index over pairs of these assignments (Hubert & Arabie, J. Classification 1985; bootstrapping by Ben-Hur,
Elisseeff & Guyon, PSB 2002): 1 if every sample finds the same clusters, 0 if they agree by chance only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ranking.features.segment_points import Behaviour, nearest

_PER_SEGMENT = 100  # recipients: the mean of fewer says little
_FEWEST = 2
_TRIED = 5
_SAMPLES = 8
_ROWS = 20_000  # per sample: what is found on them does not get steadier with more, and the cost stays bounded
_BATCH = 2_048
_BEYOND_DOUBT = 2  # standard errors
_SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class Stability:
    """How stable k segments are: mean adjusted Rand index over pairs of bootstrap samples, and its standard error."""

    k: int
    mean: float
    error: float


def candidates(recipients: int, bounds: tuple[int, int], kept: int | None) -> tuple[int, ...]:
    """Numbers of segments to try: five from bound to bound in even ratios, and the number there was before.

    Only those that leave each segment 100 recipients on average; where that rules out all of them, as many as it leaves. Empty below two.
    """
    low, high = bounds
    most = min(recipients // _PER_SEGMENT, high)
    if most < _FEWEST:
        return ()
    grid = {round(k) for k in np.geomspace(low, high, _TRIED)} if low <= most else {most}
    if kept and (low <= kept or most < low):
        grid.add(kept)
    return tuple(sorted(k for k in grid if k <= most))


def stability_of(points: Behaviour, tried: Sequence[int], seed: int) -> tuple[Stability, ...]:
    """Of each number tried, in that order. One rng for all: each number sees the same samples."""
    rng, n = np.random.default_rng(seed), len(points)
    common = points[rng.choice(n, min(n, _ROWS), replace=False)]
    samples = [points[rng.integers(0, n, min(n, _ROWS))] for _ in range(_SAMPLES)]
    with threadpool_limits(limits=1):  # sums in one order: the same choice on every machine
        return tuple(_stability(k, samples, common, seed) for k in tried)


def _stability(k: int, samples: Sequence[Behaviour], common: Behaviour, seed: int) -> Stability:
    labels = [nearest(common, _centroids(sample, k, seed + number)) for number, sample in enumerate(samples)]
    agreed = np.full((len(labels), len(labels)), np.nan)
    for a, b in combinations(range(len(labels)), 2):
        agreed[a, b] = agreed[b, a] = adjusted_rand_score(labels[a], labels[b])
    return Stability(k, float(np.nanmean(agreed)), _error(agreed))


def _centroids(sample: Behaviour, k: int, seed: int) -> Behaviour:
    fitted = MiniBatchKMeans(k, random_state=seed, batch_size=_BATCH, n_init=3).fit(sample)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def _error(agreed: npt.NDArray[np.float64]) -> float:
    """Of a mean over pairs of m samples: 2/√m times the deviation of the samples' own means (Hoeffding, Ann. Math. Stat. 1948)."""
    own = np.nanmean(agreed, axis=1)
    return float(2 * own.std(ddof=1) / np.sqrt(len(own)))


def most_stable(tried: Sequence[Stability], kept: int | None) -> int:
    """The number there was before, unless the most stable one is ahead of it by more than two standard errors of their difference;
    without one before, the smallest that the most stable one is not ahead of by more than one.

    A number that stays lets every segment go on, so it gives way only to one that is better beyond doubt. Of numbers that cannot be
    told apart the smallest has the largest segments, which are found again most surely and leave the ranker the most rows for each
    (the rule of one standard error: Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, 1984, 3.4.3).
    """
    best = max(tried, key=lambda one: (one.mean, -one.k))
    behind = {one.k: (best.mean - one.mean) / max(np.hypot(best.error, one.error), _SMALL) for one in tried}
    if kept is not None and behind.get(kept, np.inf) <= _BEYOND_DOUBT:
        return kept
    return min(k for k, errors in behind.items() if errors <= 1)
