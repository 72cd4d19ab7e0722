"""Steps of publications, as they stand in the database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.ids import PlacementId, VariantId
from domain.publication import Publication, PublicationState
from storage.database import Database
from storage.publications import Publications

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
HERO, STRIP = PlacementId("web.home_hero"), PlacementId("web.home_strip")
WRITTEN = Publication(HERO, VariantId("spring"), "d1", "https://cdn.example/spring", PublicationState.WRITTEN, AT)
PUBLISHED = replace(WRITTEN, state=PublicationState.PUBLISHED, at=AT + timedelta(minutes=1))
WITHDRAWN = replace(WRITTEN, state=PublicationState.WITHDRAWN, at=AT + timedelta(days=1), reason="recalled")


def test_what_stood_at_an_instant_stays_told(database: Database) -> None:
    """The instant of a step counts; later ones do not."""
    book = Publications(database)
    book.step(WRITTEN, PUBLISHED)
    book.step(WITHDRAWN)
    assert book.at(None, AT - timedelta(seconds=1)) == {}
    assert book.at(None, AT) == {WRITTEN.key: WRITTEN} and book.served(None, AT) == {}
    assert book.at([HERO], PUBLISHED.at) == book.served([HERO], PUBLISHED.at) == {WRITTEN.key: PUBLISHED}
    assert book.at(None, WITHDRAWN.at) == {WRITTEN.key: WITHDRAWN} and book.served(None, WITHDRAWN.at) == {}


def test_only_the_placements_that_are_asked_for_are_read(database: Database) -> None:
    """None asks for all, an empty list for nothing."""
    book, other = Publications(database), replace(PUBLISHED, placement=STRIP)
    book.step(WRITTEN, PUBLISHED, replace(WRITTEN, placement=STRIP), other)
    book.step()
    assert set(book.served([STRIP], PUBLISHED.at)) == {other.key}
    assert len(book.served(None, PUBLISHED.at)) == 2 and book.served([], PUBLISHED.at) == {}


def test_steps_of_one_instant_keep_their_order(database: Database) -> None:
    """As they were added."""
    book = Publications(database)
    steps = [replace(WRITTEN, digest=f"d{n}") for n in range(20)]
    book.step(*steps)
    assert [one.digest for one in book.steps(None, AT)] == [one.digest for one in steps]
