"""What is asked of features and training: the choices a person makes before any data is seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.campaign import Goal
from domain.content import FeatureValue, Variant
from domain.recipient import AttributeKind
from domain.signal import SessionRule

# Chance that a position is examined at all, relative to the first, until our own log has told: a real click log (FACTS §11).
PRIOR_EXAMINATION = (1.0, 0.71, 0.59, 0.48, 0.39, 0.34, 0.30, 0.25, 0.24, 0.22)


@dataclass(frozen=True, slots=True)
class VariantFacts:
    """What the ranker knows of a variant. `declared` holds the features of its front matter."""

    placement: str
    variant: str
    category: str
    declared: Mapping[str, FeatureValue] = field(default_factory=dict)
    live_from: datetime | None = None

    @property
    def key(self) -> str:
        """The variant's name among those of all placements."""
        return variant_key(self.placement, self.variant)


def variant_key(placement: str, variant: str) -> str:
    """A variant's name among those of all placements."""
    return f"{placement}/{variant}"


def facts_of(variant: Variant) -> VariantFacts:
    """The ranker's view of a variant of the content."""
    return VariantFacts(variant.placement, variant.variant, variant.category, dict(variant.features), variant.live_from)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """Which features there are and how far they look back. Sizes that data cannot bear are lowered when fitting."""

    attributes: Mapping[str, AttributeKind] = field(default_factory=dict)
    variants: tuple[VariantFacts, ...] = ()
    engagement_window: timedelta = timedelta(days=30)
    behaviour_window: timedelta = timedelta(days=90)
    interest_window: timedelta = timedelta(days=120)
    interest_half_life: timedelta = timedelta(days=30)  # of what an act on the site says of tastes (docs/adr/0017)
    purchase_window: timedelta = timedelta(days=365)
    fit_window: timedelta = timedelta(days=14)  # rows from which normalisation is fitted, if there are enough of them
    recent_items: int = 20
    dimensions: int = 64
    embedding_axes: int = 16  # of these dimensions the first, as columns for the trees (docs/adr/0010)
    segments: tuple[int, int] = (20, 50)
    vocabulary: int = 200
    seed: int = 0
    session: SessionRule = field(default_factory=SessionRule)


class Objective(StrEnum):
    """LightGBM's objectives that answer with a log-rate, so that a position's effect is an offset."""

    POISSON = "poisson"
    TWEEDIE = "tweedie"


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """How fine and how fast trees learn. A model hands them on to the next one."""

    leaves: int = 31
    learning_rate: float = 0.1
    feature_fraction: float = 0.8


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """How the model is trained. `minimum_rows` and `minimum_outcomes` are what the training part must hold; `explore` is the share of
    uniform rankings that its policy will be mixed with, `effective_sample` what the temperature must leave of the log; `temperature` is
    the campaign's, None if training is to choose it."""

    goal: Goal = Goal.CLICK
    held_out: float = 0.2
    validation: float = 0.15
    label_maturity: timedelta = timedelta(days=1)  # a younger decision's outcome may still be on its way
    minimum_rows: int = 1_000
    minimum_outcomes: int = 50
    maximum_rows: int = 2_000_000
    trees: int = 300
    hyperparameters: Hyperparameters = Hyperparameters()
    patience: int = 20
    quiet_per_outcome: float = 10.0  # rows without an outcome that are trained on for each with one; weights make up for the rest
    explore: float = 0.05
    effective_sample: float = 0.3
    temperature: float | None = None
    refit: bool = True  # on all rows, once held-out ones have judged (docs/adr/0017)
    seed: int = 0
    threads: int = 1
