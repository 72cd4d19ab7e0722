"""A source, whatever it is, into the table `raw`: files by what they hold, databases by URL."""

import re
from dataclasses import dataclass
from pathlib import Path

from domain.errors import InputError
from storage.imports.csv_source import load_csv
from storage.imports.database_source import is_database_url, load_database
from storage.imports.parquet_source import load_parquet
from storage.imports.report import Progress
from storage.imports.workbench import Workbench

_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from. `query` and `table` are for databases only."""

    location: str
    query: str | None = None
    table: str | None = None

    @property
    def is_database(self) -> bool:
        """Whether the location is a database's URL."""
        return is_database_url(self.location)

    @property
    def safe_name(self) -> str:
        """What the import is called if nobody names it: the file's, table's or database's name, fit for a folder."""
        called = self.table if self.is_database and self.table else self.location.partition("?")[0].rpartition("/")[2]
        return fitting(called if self.table else called.partition(".")[0])


def fitting(name: str) -> str:
    """The name without what cannot be in the name of a folder."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "import"


def load_source(source: Source, bench: Workbench, progress: Progress) -> int:
    """Fill the table `raw` and note the rows that cannot even be read. Returns how many rows the source has."""
    if source.is_database:
        return load_database(source.location, bench, progress, query=source.query, table=source.table)
    if source.query or source.table:
        raise InputError("--query and --table are for databases", hint="write the mapping over `source`: --map 'SELECT … FROM source'")
    path = Path(source.location)
    return load_parquet(path, bench, progress) if _magic(path) == _PARQUET else load_csv(path, bench, progress)


def _magic(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET))
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path)) from None
    except IsADirectoryError:
        raise InputError("a folder, not a file", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
