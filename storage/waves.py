"""How far a send in waves has come, so that a soak goes on where it was after a restart."""

from datetime import datetime

import sqlalchemy as sa

from domain.ids import SendId
from domain.waves import WaveState
from storage.database import Database
from storage.schema import waves


class WaveBook:
    """The waves recorded in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, send_id: SendId, wave: int, at: datetime) -> None:
        """The wave (1, 2, …) may leave from now on; the first record stays."""
        row = {"send_id": send_id, "wave": wave, "opened_at": at}
        with self._database.begin() as connection:
            connection.execute(self._database.insert(waves).on_conflict_do_nothing(), row)

    def finish(self, send_id: SendId, wave: int, at: datetime) -> None:
        """All letters of the wave that were due are settled: its soak begins. The first record stays."""
        update = sa.update(waves).where(waves.c.send_id == send_id, waves.c.wave == wave, waves.c.finished_at.is_(None))
        with self._database.begin() as connection:
            connection.execute(update.values(finished_at=at))

    def of(self, send_id: SendId) -> list[WaveState]:
        """The waves of a send that were opened, in order."""
        query = sa.select(waves.c.wave, waves.c.opened_at, waves.c.finished_at).where(waves.c.send_id == send_id)
        with self._database.connect() as connection:
            return [WaveState(*row) for row in connection.execute(query.order_by(waves.c.wave))]
