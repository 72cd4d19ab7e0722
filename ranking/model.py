"""The ranking model: forest, calibration, feature parameters and card, as one immutable value and as files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from domain.ids import ModelVersion, digest
from ranking.calibration import Calibration
from ranking.features.drift import FeatureBins
from ranking.features.parameters import FeatureParameters
from ranking.model_card import ModelCard


@dataclass(frozen=True, slots=True)
class Head:
    """From the forest's sum to a rate: raw = base + sum of leaves, then the calibration."""

    base: float
    calibration: Calibration

    def log_rate(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Calibrated log-rate at position 1 from the forest's sums."""
        return self.calibration.log_rate(raw + self.base)


@dataclass(frozen=True, slots=True)
class Witness:
    """The forest that held-out decisions judged, and its head. It has not seen them; the one that decides may have."""

    forest: str
    head: Head


@dataclass(frozen=True, slots=True)
class RankingModel:
    """A trained model. `forest` is LightGBM's own text, `bins` how its features were distributed; `pictures` are PNG files by name.

    `witness` is there where the forest was refitted on all decisions after the witness had been judged on held-out ones.
    """

    forest: str
    head: Head
    parameters: FeatureParameters
    card: ModelCard
    bins: tuple[FeatureBins, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    witness: Witness | None = None

    def noted(self, *notes: str) -> "RankingModel":
        """With more notes on the card, which nothing that decides depends on."""
        return replace(self, card=replace(self.card, notes=(*self.card.notes, *notes)))

    @property
    def as_judged(self) -> "RankingModel":
        """The model as its card describes it: blind to held-out decisions."""
        return replace(self, forest=self.witness.forest, head=self.witness.head, witness=None) if self.witness else self

    @property
    def model_version(self) -> ModelVersion:
        """The model's version, a function of its bytes."""
        return ModelVersion(self.card.model_version)

    def to_files(self) -> dict[str, bytes]:
        """Files by name. Equal data, seed and code give equal bytes."""
        own = {
            "forest.txt": self.forest.encode(),
            "head.json": _HEAD.dump_json(self.head, indent=1),
            "card.json": _CARD.dump_json(self.card, indent=1),
            "bins.json": _BINS.dump_json(self.bins, indent=1),
        }
        if self.witness:
            own |= {"witness.txt": self.witness.forest.encode(), "witness.json": _HEAD.dump_json(self.witness.head, indent=1)}
        return own | self.parameters.to_files() | dict(self.pictures)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "RankingModel":
        """The inverse of `to_files`."""
        pictures = {name: data for name, data in files.items() if name.endswith(".png")}
        parameters = FeatureParameters.from_files(files)
        head, card = _HEAD.validate_json(files["head.json"]), _CARD.validate_json(files["card.json"])
        bins = _BINS.validate_json(files.get("bins.json", b"[]"))  # models trained before bins were kept have none
        witness = Witness(files["witness.txt"].decode(), _HEAD.validate_json(files["witness.json"])) if "witness.txt" in files else None
        return cls(files["forest.txt"].decode(), head, parameters, card, bins, pictures, witness)


_HEAD = TypeAdapter(Head)
_CARD = TypeAdapter(ModelCard)
_BINS = TypeAdapter(tuple[FeatureBins, ...])


def version_of(forest: str, head: Head, parameters: FeatureParameters, temperature: float) -> ModelVersion:
    """`<as_of>-<digest>`: the digest covers all that scores and choices depend on."""
    parts = (name + data.hex() for name, data in sorted(parameters.to_files().items()))
    return ModelVersion(f"{parameters.as_of:%Y%m%dT%H%M}-{digest(forest, repr(head), repr(temperature), *parts)[:12]}")


def card_document(card: ModelCard) -> dict[str, Any]:
    """The card as a plain JSON document, for the registry."""
    document: dict[str, Any] = _CARD.dump_python(card, mode="json")
    return document


def card_of(document: Mapping[str, Any]) -> ModelCard:
    """The card from its document."""
    return _CARD.validate_python(document, strict=False)
