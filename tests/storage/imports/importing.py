"""An import in a test: a source file, a mapping, and what came of it."""

import csv
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from storage.database import Database
from storage.imports.columns import ImportKind
from storage.imports.report import ImportReport, Step
from storage.imports.run import Stores, run_import
from storage.imports.source import Source
from storage.lake import Lake
from storage.recipients import Recipients

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@dataclass
class Importer:
    """Imports into one database and lake; remembers the rejects file's place and the progress that was shown."""

    database: Database
    folder: Path
    steps: list[Step] = field(default_factory=list)

    @property
    def recipients(self) -> Recipients:
        """The recipients imported so far."""
        return Recipients(self.database)

    @property
    def lake(self) -> Lake:
        """The lake imported into."""
        return Lake(str(self.folder / "lake"))

    def file(self, content: str | bytes, name: str = "customers.csv") -> str:
        """A source file."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(
        self, kind: str, source: str, mapping: str | None = None, *, name: str | None = None, texts: tuple[str, ...] = (), **database: str
    ) -> ImportReport:
        """Import a source."""
        stores = Stores(self.recipients, self.lake)
        rejects = self.folder / "rejects.csv"
        given = Source(source, **database)
        return run_import(
            ImportKind(kind), given, mapping, stores, name=name, rejects=rejects, at=AT, progress=self.steps.append, texts=texts
        )

    def csv(self, kind: str, content: str | bytes, mapping: str | None = None, **options: object) -> ImportReport:
        """Import a CSV file of this content."""
        return self.run(kind, self.file(content), mapping, **options)  # type: ignore[arg-type]

    def rejects(self) -> list[dict[str, str]]:
        """The rows of the rejects file."""
        with (self.folder / "rejects.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def ids(self) -> list[str]:
        """The ids of all recipients."""
        return self.recipients.load()["recipient_id"].tolist()
