"""Keys of artifacts: whatever a campaign is called, Prefect takes them."""

import pytest
from prefect.client.schemas.actions import ArtifactCreate

from domain.ids import CampaignId, send_id_of
from flows.show_artifact import artifact_key
from tests.flows.conftest import AT


@pytest.mark.parametrize("campaign", ["weekly", "my_letter", "2026_", "a--b", "x_y-z_1"])
def test_prefect_takes_the_key_of_any_campaign(campaign: str) -> None:
    """Folders may have underscores in their names, keys may not."""
    key = artifact_key("hand-off", send_id_of(CampaignId(campaign), AT))
    assert ArtifactCreate(key=key).key == key and key.startswith("hand-off-")


def test_another_campaign_has_another_key() -> None:
    """But for what differs in signs that keys do not have."""
    assert artifact_key("account", "weekly-1") != artifact_key("account", "weekly-2") != artifact_key("card", "weekly-2")
