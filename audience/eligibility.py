"""Eligibility: which recipients a variant's `where:` admits, for all variants of a campaign in one pass."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from audience.expressions import Expression, evaluate, parse
from domain.content import Content, Variant
from domain.errors import InvalidInput, Mistake
from domain.ids import PlacementId
from domain.recipient import AttributeKind

Eligible = Mapping[PlacementId, npt.NDArray[np.bool_]]


def eligible_variants(content: Content, recipients: pd.DataFrame, attributes: Mapping[str, AttributeKind], as_of: datetime) -> Eligible:
    """Per placement bool[n, V]: rows as in `recipients` (expanded), columns in the order of `content.of(placement)`."""
    conditional = [variant for variant in content.variants if variant.where is not None]
    answers = evaluate([_parsed(variant, attributes) for variant in conditional], recipients, as_of)
    column = {(variant.placement, variant.variant): answers[:, number] for number, variant in enumerate(conditional)}
    everyone = np.ones(len(recipients), dtype=np.bool_)
    found = {}
    for placement in content.campaign.placements:
        columns = [column.get((placement.placement, variant.variant), everyone) for variant in content.of(placement.placement)]
        found[placement.placement] = np.column_stack(columns)
    return found


def check_expressions(content: Content, attributes: Mapping[str, AttributeKind]) -> None:
    """Raise InvalidInput with every mistake in the audience expression and in the variants' conditions."""
    mistakes: list[Mistake] = []
    campaign = content.campaign
    try:
        parse(campaign.audience, attributes, campaign.file, campaign.audience_line)
    except InvalidInput as found:
        mistakes += found.mistakes
    for variant in content.variants:
        try:
            _parsed(variant, attributes)
        except InvalidInput as found:
            mistakes += found.mistakes
    if mistakes:
        raise InvalidInput(mistakes)


def _parsed(variant: Variant, attributes: Mapping[str, AttributeKind]) -> Expression:
    return parse(variant.where or "TRUE", attributes, variant.file, variant.where_line)
