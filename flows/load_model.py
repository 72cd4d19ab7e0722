"""Load a ranking model by its version."""

from domain.ids import ModelVersion
from ranking.model import RankingModel
from runtime.house import House


def load_model(house: House, version: ModelVersion | None) -> RankingModel | None:
    """The model, or None where there is none yet: then every choice is uniform, and logged as such."""
    return RankingModel.from_files(house.models.load(version).files) if version else None
