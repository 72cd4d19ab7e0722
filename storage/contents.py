"""Contents: compiled campaigns by content version, so that every letter can be printed again as it was."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.engine import Connection

from domain.content import Content
from domain.errors import InputError
from domain.ids import CampaignId, ContentVersion
from storage.database import Database
from storage.schema import contents, variants

_CONTENT = TypeAdapter(Content)


class Contents:
    """The contents kept in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, content: Content, at: datetime) -> None:
        """Keep a content version (once; it never changes) and note its variants as live."""
        row = {
            "content_version": content.content_version,
            "campaign": content.campaign.campaign,
            "compiled_at": at,
            "document": _CONTENT.dump_json(content).decode(),
        }
        with self._database.begin() as connection:
            connection.execute(self._database.insert(contents).on_conflict_do_nothing(), row)
            self._note_variants(connection, content, at)

    def load(self, content_version: ContentVersion) -> Content:
        """The content of a version; InputError if it was never saved here."""
        with self._database.connect() as connection:
            document = connection.scalar(sa.select(contents.c.document).where(contents.c.content_version == content_version))
        if document is None:
            raise InputError(f"content version {content_version} is not in this database")
        return _CONTENT.validate_json(document)

    def latest(self, campaign: CampaignId) -> Content | None:
        """The content of a campaign that was compiled last."""
        newest = contents.c.compiled_at.desc(), contents.c.content_version
        query = sa.select(contents.c.document).where(contents.c.campaign == campaign).order_by(*newest).limit(1)
        with self._database.connect() as connection:
            document = connection.scalar(query)
        return None if document is None else _CONTENT.validate_json(document)

    def _note_variants(self, connection: Connection, content: Content, at: datetime) -> None:
        rows: list[dict[str, Any]] = [
            {"placement": v.placement, "variant": v.variant, "category": v.category, "content_version": content.content_version}
            | {"state": "live", "first_seen_at": at, "changed_at": at}
            for v in content.variants
        ]
        insert = self._database.insert(variants)
        changed = {name: insert.excluded[name] for name in ("content_version", "category")} | {  # what is retired stays so
            "changed_at": sa.case((variants.c.state == "live", insert.excluded["changed_at"]), else_=variants.c.changed_at)
        }
        if rows:
            connection.execute(insert.on_conflict_do_update(index_elements=["placement", "variant"], set_=changed), rows)
