"""Suppressions hold for a mailbox, however its address is spelled."""

from datetime import UTC, datetime

from domain.message import SuppressionReason
from storage.database import Database
from storage.suppressions import Suppressions

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_spellings_of_one_mailbox_are_one_suppression(database: Database) -> None:
    """Adding an address again in another spelling changes nothing and says so."""
    suppressions = Suppressions(database)
    assert suppressions.add("Ann@Example.org", SuppressionReason.UNSUBSCRIBED, AT)
    assert not suppressions.add(" ann@example.ORG ", SuppressionReason.MANUAL, AT)
    assert suppressions.count() == 1


def test_among_finds_the_suppressed(database: Database) -> None:
    """Of any number of addresses exactly the suppressed ones come back, normalised."""
    suppressions = Suppressions(database)
    suppressions.add("r7@example.org", SuppressionReason.HARD_BOUNCED, AT, "550 5.1.1")
    assert suppressions.among(f"R{number}@example.org" for number in range(2_500)) == {"r7@example.org"}
    assert suppressions.among([]) == set()


def test_a_lifted_suppression_is_gone(database: Database) -> None:
    """Removing lifts the suppression once."""
    suppressions = Suppressions(database)
    suppressions.add("ann@example.org", SuppressionReason.MANUAL, AT)
    assert suppressions.remove("ANN@example.org")
    assert not suppressions.remove("ann@example.org")
    assert suppressions.among(["ann@example.org"]) == set()
