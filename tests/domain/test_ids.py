"""Ids are functions of what they identify."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from domain.ids import CampaignId, PlacementId, RecipientId, SendId, decision_id_of, digest, message_id_of, send_id_of


def test_a_send_is_named_by_campaign_and_instant_in_any_zone() -> None:
    """The same instant written in two time zones is the same send."""
    at = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert send_id_of(CampaignId("weekly"), at) == "weekly-20261123T090000Z"
    assert send_id_of(CampaignId("weekly"), at.astimezone(timezone(timedelta(hours=5)))) == "weekly-20261123T090000Z"


def test_a_scheduled_instant_needs_a_zone() -> None:
    """A naive instant is refused: it would be another send on another machine."""
    with pytest.raises(InputError, match="time zone"):
        send_id_of(CampaignId("weekly"), datetime(2026, 11, 23, 9, 0))  # noqa: DTZ001


def test_ids_carry_nothing_personal() -> None:
    """A message id is 32 hex digits, whatever the recipient's id is."""
    found = message_id_of(SendId("s"), RecipientId("ann@shop.example"))
    assert len(found) == 32 and int(found, 16) >= 0 and "ann" not in found


@given(st.lists(st.text(st.characters(min_codepoint=32), max_size=8), min_size=2, max_size=4))
def test_parts_of_a_digest_cannot_run_into_each_other(parts: list[str]) -> None:
    """Moving a border between parts gives another id."""
    joined = ["".join(parts[:2]), *parts[2:]]
    assert digest(*parts) != digest(*joined)


def test_positions_are_decisions_of_their_own() -> None:
    """Two positions of one placement have different decision ids."""
    one, two = (decision_id_of(SendId("s"), RecipientId("r"), PlacementId("p"), position) for position in (1, 2))
    assert one != two
