"""The model card: what a model was trained on, what it is good for, and what it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.campaign import Goal
from ranking.calibration import ReliabilityBin
from ranking.debiasing import Examination, PositionTraining
from ranking.policies.temperature import Tempering
from ranking.specification import Hyperparameters
from ranking.splitting import Split


@dataclass(frozen=True, slots=True)
class PartCounts:
    """Rows and outcomes (for revenue: rows with any) of one part of the split."""

    rows: int
    outcomes: int


@dataclass(frozen=True, slots=True)
class HeldOutMetrics:
    """On held-out rows. `deviance_explained` is against the variants' own mean rates at their positions: 0 means the model
    knows no more than which variant is popular. `auc` is None for revenue or a single class; `ece` is cross-fitted. `ndcg` is that of the
    outcomes in the model's order of all candidates (`held_out.ndcg_of`), and `ndcg_at_random` without any order; None where nothing
    was there to choose from, or the card is older than the figure."""

    deviance_explained: float
    auc: float | None
    ece: float
    observed_rate: float
    predicted_rate: float
    reliability: tuple[ReliabilityBin, ...]
    ndcg: float | None = None
    ndcg_at_random: float | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """All that is said of a model; stored with it as JSON. What has a default is lacking in older cards."""

    model_version: str
    goal: Goal
    as_of: datetime
    placements: tuple[str, ...]
    where: str | None
    window_from: datetime
    window_until: datetime
    split: Split
    training: PartCounts
    validation: PartCounts
    held_out: PartCounts
    objective: str
    trees: int
    examination: Examination
    position_training: PositionTraining
    position_deviances: Mapping[PositionTraining, float]
    metrics: HeldOutMetrics
    importances: Mapping[str, float]
    feature_count: int
    layout_digest: str
    code_version: str
    seed: int
    notes: tuple[str, ...]
    tempering: Tempering | None = None
    hyperparameters: Hyperparameters | None = None

    @property
    def temperature(self) -> float | None:
        """The policy's temperature that held-out decisions speak for; None if they were not asked."""
        return self.tempering.temperature if self.tempering else None
