"""Which recipients a variant's condition admits."""

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from audience.eligibility import check_expressions, eligible_variants
from domain.campaign import Campaign, Placement, Sender
from domain.content import Block, Content, Frame, Variant
from domain.errors import InvalidInput
from domain.ids import CampaignId, ContentVersion, PlacementId, VariantId
from domain.recipient import AttributeKind

AS_OF = datetime(2026, 11, 23, 9, tzinfo=UTC)
ATTRIBUTES = {"country": AttributeKind.CATEGORICAL, "orders": AttributeKind.NUMERIC}
PEOPLE = pd.DataFrame({"country": ["DE", "FR", None], "orders": [0.0, 5.0, 9.0]})
HERO, OFFER = PlacementId("weekly.hero"), PlacementId("weekly.offer")


def variant(name: str, placement: PlacementId, where: str | None = None, line: int | None = None) -> Variant:
    file = f"templates/weekly/{name}.mjml"
    return Variant(VariantId(name), placement, name, "home", where is None, Block("", "", False), where, file=file, where_line=line)


def content(*variants: Variant, audience: str = "TRUE") -> Content:
    placements = (Placement(HERO, "hero"), Placement(OFFER, "offer"))
    campaign = Campaign(CampaignId("weekly"), "Weekly", Sender("Shop", "a@shop.example"), "1 Street", audience, placements)
    campaign = replace(campaign, file="templates/weekly/campaign.yaml", audience_line=4)
    return Content(ContentVersion("v1"), campaign, Frame(("", ""), ("", ""), (HERO,)), variants, ())


def test_conditions_by_placement_and_variant() -> None:
    """Each placement has a column per variant, in the content's order; a variant without a condition admits everyone."""
    weekly = content(
        variant("german", HERO, "country = 'DE'"), variant("plain", HERO), variant("loyal", OFFER, "orders > 4"), variant("other", OFFER)
    )
    found = eligible_variants(weekly, PEOPLE, ATTRIBUTES, AS_OF)
    assert found[HERO].tolist() == [[True, True], [False, True], [False, True]]
    assert found[OFFER].tolist() == [[False, True], [True, True], [True, True]]


def test_no_conditions_at_all() -> None:
    """Without conditions everybody may get everything."""
    weekly = content(variant("plain", HERO), variant("other", OFFER))
    assert eligible_variants(weekly, PEOPLE, ATTRIBUTES, AS_OF)[HERO].tolist() == [[True]] * 3


def test_every_mistake_with_its_place() -> None:
    """Mistakes in the audience and in conditions are all reported, each with its own file and line."""
    weekly = content(
        *(variant("german", HERO, "cuntry = 'DE'", 4), variant("loyal", OFFER, "consent AND\nordrs > 4", 6), variant("plain", HERO)),
        audience="DROP TABLE recipients",
    )
    with pytest.raises(InvalidInput) as caught:
        check_expressions(weekly, ATTRIBUTES)
    assert [f"{mistake.file}:{mistake.line}" for mistake in caught.value.mistakes] == [
        "templates/weekly/campaign.yaml:4",
        "templates/weekly/german.mjml:4",
        "templates/weekly/loyal.mjml:7",
    ]


def test_nothing_to_report() -> None:
    """Sound expressions pass."""
    check_expressions(content(variant("german", HERO, "country = 'DE'", 4), variant("plain", HERO), audience="orders > 1"), ATTRIBUTES)
