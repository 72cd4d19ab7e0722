"""How far a send in waves has come is remembered as it first happened."""

from datetime import UTC, datetime, timedelta

from domain.ids import SendId
from domain.waves import WaveState
from storage.database import Database
from storage.waves import WaveBook

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = SendId("s")


def test_the_first_record_of_a_wave_stays(database: Database) -> None:
    """A wave that is opened or finished again after a restart keeps its instants, so that its soak is not begun anew."""
    book = WaveBook(database)
    for later in (timedelta(0), timedelta(hours=1)):
        book.open(SEND, 1, AT + later)
        book.finish(SEND, 1, AT + timedelta(minutes=5) + later)
        book.open(SEND, 2, AT + timedelta(minutes=30) + later)
    assert book.of(SEND) == [WaveState(1, AT, AT + timedelta(minutes=5)), WaveState(2, AT + timedelta(minutes=30), None)]
    assert book.of(SendId("another")) == []
