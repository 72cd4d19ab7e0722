"""Retired variants: since when, why, and never twice."""

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from domain.audit import Deed
from domain.ids import PlacementId, VariantId
from domain.variant_state import Retirement
from storage.audit import Audit
from storage.contents import Contents
from storage.database import Database
from storage.retirements import Retirements
from storage.schema import variants
from tests.storage.departing import AT
from tests.storage.test_contents import content

ONE = Retirement(PlacementId("weekly.hero"), VariantId("spring"), AT, "ann", "nobody clicks it")


def state(database: Database) -> str:
    """How the variant stands now."""
    with database.connect() as connection:
        return str(connection.scalar(sa.select(variants.c.state).where(variants.c.variant == ONE.variant)))


def test_what_was_retired_when_a_send_was_opened_never_changes(database: Database) -> None:
    """Retired and revived: the instants between them still know it as retired; what happens twice is written down once."""
    Contents(database).save(content("c1", "default", "spring"), AT - timedelta(days=1))
    book = Retirements(database)
    later = replace(ONE, at=AT + timedelta(days=2), why="rewritten")
    assert (book.retire(ONE), book.retire(ONE), state(database)) == (True, False, "retired")
    assert (book.revive(later), book.revive(later), state(database)) == (True, False, "live")
    assert book.at(AT) == {} and book.at(AT + timedelta(days=1)) == {ONE.key: ONE} and book.at(AT + timedelta(days=3)) == {}
    assert [entry.what for entry in Audit(database).of()] == [Deed.VARIANT_RETIRED, Deed.VARIANT_REVIVED]


def test_a_retired_variant_stays_so_when_its_content_is_compiled_again(database: Database) -> None:
    """Only a person brings it back; one that was never compiled cannot be retired."""
    Contents(database).save(content("c1", "default", "spring"), AT)
    book = Retirements(database)
    assert book.retire(ONE) and not book.retire(replace(ONE, variant=VariantId("never")))
    Contents(database).save(content("c1", "default", "spring"), AT + timedelta(days=1))
    assert state(database) == "retired"
