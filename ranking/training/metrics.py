"""How good a model is on held-out decisions."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score

from domain.hashing import keys_of, uniforms
from ranking.calibration import Calibration, expected_calibration_error, fit_calibration, reliability
from ranking.model_card import HeldOutMetrics
from ranking.training.design import Design

Doubles = npt.NDArray[np.float64]

_PLAIN_PRIOR = 10.0  # examined rows' worth of the mean of all in a variant's own rate
_HALF = 0.5


def held_out_metrics(raw: Doubles, offset: Doubles, plain: Doubles, design: Design, recipient_id: pd.Series) -> HeldOutMetrics:
    """Each half of the held-out recipients is judged with the calibration that the other half gives.

    `raw` is the forest's log-rate, `offset` log θ, `plain` the rate that popularity alone predicts; float64[n] each.
    """
    predicted = _cross_fitted(raw, offset, design.label, recipient_id)
    bins = reliability(predicted, design.label)
    return HeldOutMetrics(
        deviance_explained=1 - poisson_deviance(design.label, predicted) / max(poisson_deviance(design.label, plain), 1e-12),
        auc=_auc(design.label, predicted),
        ece=expected_calibration_error(bins),
        observed_rate=float(design.label.mean()),
        predicted_rate=float(predicted.mean()),
        reliability=bins,
    )


def _cross_fitted(raw: Doubles, offset: Doubles, label: Doubles, recipient_id: pd.Series) -> Doubles:
    fold = np.asarray(uniforms(keys_of(recipient_id), "calibration-fold") < _HALF)
    predicted = np.empty_like(raw)
    for half in (fold, ~fold):
        found = fit_calibration(raw[~half], offset[~half], label[~half]) if (~half).any() else Calibration()
        predicted[half] = np.exp(found.log_rate(raw[half]) + offset[half])
    return predicted


def popularity_rates(known: pd.DataFrame, theta: Doubles, asked: pd.DataFrame, asked_theta: Doubles) -> Doubles:
    """What each asked row would get from its variant's own rate among known rows (label per examined row), drawn a little
    towards the rate of all; `theta` are the rows' examinations."""
    totals = known.assign(theta=theta).groupby(["placement", "variant"])[["label", "theta"]].sum()
    mean = totals["label"].sum() / totals["theta"].sum()
    rate = ((totals["label"] + _PLAIN_PRIOR * mean) / (totals["theta"] + _PLAIN_PRIOR)).rename("rate")
    found = asked[["placement", "variant"]].join(rate, on=["placement", "variant"])["rate"]
    return np.asarray(found.fillna(mean).to_numpy(dtype=np.float64) * asked_theta)


def poisson_deviance(label: Doubles, rate: Doubles, weight: Doubles | None = None) -> float:
    """(Weighted) mean Poisson deviance."""
    return float(np.average(poisson_deviances(label, rate), weights=weight))


def poisson_deviances(label: Doubles, rate: Doubles) -> Doubles:
    """The Poisson deviance of each row, float64[n]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(label > 0, label * np.log(label / rate), 0.0)
    return np.asarray(2 * (log - (label - rate)))


def _auc(label: Doubles, predicted: Doubles) -> float | None:
    """Area under the ROC curve; None for amounts, or where only one class is there."""
    binary = bool(np.isin(label, (0.0, 1.0)).all())
    return float(roc_auc_score(label, predicted)) if binary and 0 < label.mean() < 1 else None
