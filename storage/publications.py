"""Publications: the steps that variants' contents took on their way to pages, only ever added to. Whoever serves reads `served`."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from domain.ids import PlacementId, VariantId
from domain.publication import Publication, PublicationState, Shelf, shelves
from domain.variant_state import VariantKey
from storage.database import Database
from storage.schema import publications

_FIELDS = ("placement", "variant", "digest", "url", "state", "at", "reason")


class Publications:
    """The publications in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def step(self, *steps: Publication) -> None:
        """Add steps, in this order, all or none."""
        rows = [{name: getattr(step, name) for name in _FIELDS} | {"state": step.state.value} for step in steps]
        if rows:
            with self._database.begin() as connection:
                connection.execute(sa.insert(publications), rows)

    def at(self, placements: Iterable[PlacementId] | None, instant: datetime) -> dict[VariantKey, Publication]:
        """The last step of each variant up to an instant, this included; of some placements, or all."""
        return {key: one.last for key, one in self.shelves(placements, instant).items()}

    def served(self, placements: Iterable[PlacementId] | None, instant: datetime) -> dict[VariantKey, Publication]:
        """What pages show of each variant at an instant, with the address of it; a variant that is not in it is shown to nobody."""
        return {key: one.served for key, one in self.shelves(placements, instant).items() if one.served}

    def shelves(self, placements: Iterable[PlacementId] | None, instant: datetime) -> dict[VariantKey, Shelf]:
        """How each variant stands at an instant: all that follows from its steps."""
        return shelves(self.steps(placements, instant))

    def steps(self, placements: Iterable[PlacementId] | None, instant: datetime) -> list[Publication]:
        """All steps up to an instant, this included, in their order; of some placements, or all."""
        query = sa.select(publications).where(publications.c.at <= instant).order_by(publications.c.entry)
        if placements is not None:
            query = query.where(publications.c.placement.in_(sorted(set(placements))))
        with self._database.connect() as connection:
            return [_read(row) for row in connection.execute(query)]


def _read(row: sa.Row[tuple[object, ...]]) -> Publication:
    state = PublicationState(row.state)
    return Publication(PlacementId(row.placement), VariantId(row.variant), row.digest, row.url, state, row.at, row.reason)
