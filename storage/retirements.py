"""Retirements of variants: in the audit trail, so that what a send could choose from can always be told again.

`variants.state` says how a variant stands now; which were retired when a send was opened follows from the trail.
"""

from datetime import datetime

import orjson
import sqlalchemy as sa

from domain.audit import Deed
from domain.ids import PlacementId, VariantId
from domain.variant_state import Retirement, VariantKey
from storage.database import Database
from storage.schema import audit, variants

_STATES = {Deed.VARIANT_RETIRED: "retired", Deed.VARIANT_REVIVED: "live"}


class Retirements:
    """The retirements in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at(self, instant: datetime) -> dict[VariantKey, Retirement]:
        """The variants that are retired at an instant: what was decided before it holds."""
        query = sa.select(audit).where(audit.c.what.in_([deed.value for deed in _STATES]), audit.c.at < instant).order_by(audit.c.entry)
        found: dict[VariantKey, Retirement] = {}
        with self._database.connect() as connection:
            for row in connection.execute(query):
                detail = orjson.loads(row.detail)
                key = PlacementId(detail["placement"]), VariantId(detail["variant"])
                found.pop(key, None)
                if row.what == Deed.VARIANT_RETIRED.value:
                    found[key] = Retirement(*key, row.at, row.who, row.why or "")
        return found

    def retire(self, one: Retirement) -> bool:
        """Retire a variant and write down why; False if it is retired already, or unknown here."""
        return self._set(one, Deed.VARIANT_RETIRED)

    def revive(self, one: Retirement) -> bool:
        """Take a retirement back: sends opened after `at` choose the variant again; False if it is not retired."""
        return self._set(one, Deed.VARIANT_REVIVED)

    def _set(self, one: Retirement, deed: Deed) -> bool:
        state, mine = _STATES[deed], (variants.c.placement == one.placement, variants.c.variant == one.variant)
        row = {"at": one.at, "who": one.who, "what": deed.value, "send_id": None, "why": one.why}
        detail = orjson.dumps({"placement": one.placement, "variant": one.variant}).decode()
        with self._database.begin() as connection:
            changed = sa.update(variants).where(*mine, variants.c.state != state).values(state=state, changed_at=one.at)
            if not connection.execute(changed).rowcount:
                return False
            connection.execute(sa.insert(audit), row | {"detail": detail})
        return True
