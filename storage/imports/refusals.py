"""The rejects file: every refused row with its number, its line, why, and what it was."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from storage.imports.workbench import LINE, ROW, Workbench, quoted

HEADER = ("row", "line", "reason", "detail", "raw")
_PIECE = 10_000


def write_rejects(bench: Workbench, path: Path) -> Path | None:
    """Write the rejects file in the order of rows; None, and no file, if nothing was refused.

    It holds personal data: only its owner may read it.
    """
    path.unlink(missing_ok=True)
    if not bench.value("SELECT count(*) FROM refused"):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", newline="", encoding="utf-8") as file:  # noqa: PTH123 - a mode from the start
        out = csv.writer(file, lineterminator="\n")
        out.writerow(HEADER)
        out.writerows(_lines(bench))
    return path


def refused_by_reason(bench: Workbench) -> Mapping[str, int]:
    """How many rows were refused for what, the most frequent first."""
    return dict(bench.run("SELECT reason, count(*) FROM refused GROUP BY reason ORDER BY count(*) DESC, reason"))


def _lines(bench: Workbench) -> Iterator[Sequence[Any]]:
    columns = ", ".join(f"raw.{quoted(name)}" for name in bench.columns("raw"))
    result = bench.connection.cursor().execute(
        f"SELECT refused.row, coalesce(refused.line, raw.{LINE}), reason, detail, refused.raw, {columns} "  # noqa: S608 - names are quoted
        f"FROM refused LEFT JOIN raw ON raw.{ROW} = refused.row ORDER BY refused.row, detail"
    )
    while rows := result.fetchmany(_PIECE):
        for row, line, reason, detail, raw, *values in rows:
            yield row, line, reason, detail, raw if raw is not None else _as_csv(values)


def _as_csv(values: Sequence[Any]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(["" if value is None else value for value in values])
    return text.getvalue()
