"""Whether a model fits what there is now; asked before a send is opened."""

from collections.abc import Iterable

from domain.content import Content
from domain.errors import InputError
from ranking.features.compute import check_attributes
from ranking.model import RankingModel


def check_compatible(model: RankingModel, attributes: Iterable[str], content: Content) -> None:
    """Raise InputError if the model needs attributes that recipients do not have, or knows none of the content's placements.

    Variants and single placements that are new to the model are no mistake: what is unknown is missing to it.
    """
    check_attributes(model.parameters, attributes)
    wanted = {p.placement for p in content.campaign.placements}
    if not wanted & set(model.card.placements):
        raise InputError(
            f"model {model.model_version} was trained for {', '.join(model.card.placements)}, not for {', '.join(sorted(wanted))}",
            hint=f"letterpress train {content.campaign.campaign}",
        )
