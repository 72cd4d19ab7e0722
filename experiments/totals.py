"""What a comparison of means and ratios needs of an arm: sums and products per recipient. Adds up over shards and sends."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Totals:
    """Over n recipients of their outcome y, its denominator d (1 for a plain mean) and a covariate x from before (0 for none)."""

    n: int
    y: float
    d: float
    x: float
    yy: float
    yd: float
    yx: float
    dd: float
    dx: float
    xx: float

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def ratio(self) -> float:
        """Σy / Σd: the mean where every d is 1. nan without a denominator."""
        return self.y / self.d if self.d else float("nan")

    @property
    def covariate(self) -> float:
        """Mean of x."""
        return self.x / self.n if self.n else float("nan")

    def moments(self, ratio: float) -> tuple[float, float, float]:
        """Variance of z, covariance of z and x, variance of x, with z = (y − ratio · d) / mean d: one recipient's part in the ratio.

        The delta method for a ratio of means (Deng, Knoblich and Lu, KDD 2018); with d = 1 z is y less a constant.
        """
        n, mean_d = self.n, self.d / self.n
        zz = (
            _cross(self.yy, self.y, self.y, n)
            - 2 * ratio * _cross(self.yd, self.y, self.d, n)
            + ratio**2 * _cross(self.dd, self.d, self.d, n)
        )
        zx = _cross(self.yx, self.y, self.x, n) - ratio * _cross(self.dx, self.d, self.x, n)
        return max(zz, 0.0) / mean_d**2, zx / mean_d, max(_cross(self.xx, self.x, self.x, n), 0.0)


EMPTY = Totals(0, *(0.0 for _ in range(9)))


def totals(y: Values, d: Values | None = None, x: Values | None = None) -> Totals:
    """Of an arm's recipients: y, d and x float64[n]; d is 1 and x is 0 if left out."""
    d = np.ones_like(y) if d is None else d
    x = np.zeros_like(y) if x is None else x
    sums = (float(column.sum()) for column in (y, d, x))
    products = (float(np.dot(a, b)) for a, b in ((y, y), (y, d), (y, x), (d, d), (d, x), (x, x)))
    return Totals(len(y), *sums, *products)


def _cross(product: float, first: float, second: float, n: int) -> float:
    """Sample covariance from sums, with n − 1."""
    return (product - first * second / n) / (n - 1)
