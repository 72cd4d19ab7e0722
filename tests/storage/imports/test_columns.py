"""`docs/import.md` says what imports take, and its examples work."""

import re
from pathlib import Path

import pytest

from storage.imports.columns import SPECIFICATIONS, Column, ImportKind
from storage.imports.report import Refusal
from storage.lake_schema import SCHEMAS
from tests.storage.imports.importing import Importer

GUIDE = Path(__file__).parents[3] / "docs" / "import.md"


def line(column: Column) -> str:
    """A column as a line of the guide's table."""
    name = f"**`{column.name}`**" if column.required else f"`{column.name}`"
    return f"| {name} | {column.type} | {column.doc} |"


@pytest.mark.parametrize("kind", ImportKind)
def test_the_guide_lists_every_column(kind: ImportKind) -> None:
    """The table of each kind in the guide is made of the columns as the code has them."""
    table = "\n".join(["| column | type | |", "|---|---|---|", *map(line, SPECIFICATIONS[kind].columns)])
    found = re.search(rf"<!-- columns: {kind} -->\n(.*?)\n<!-- end -->", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    assert found[1] == table


def test_the_guide_explains_every_refusal() -> None:
    """Each reason that a rejects file can name stands in the guide."""
    assert re.findall(
        r"^\| `(\w+)` \|", GUIDE.read_text().partition("## What is refused")[2].partition("## What makes")[0], re.MULTILINE
    ) == list(Refusal)


@pytest.mark.parametrize("kind", [ImportKind.DECISIONS, ImportKind.EVENTS, ImportKind.PURCHASES])
def test_every_fact_of_the_lake_can_be_imported(kind: ImportKind) -> None:
    """What the lake keeps of history, an import can bring; only the source's name and the properties are its own."""
    assert set(SCHEMAS[kind].names) - set(SPECIFICATIONS[kind].named()) <= {"source", "properties"}


def examples() -> list[str]:
    """The SQL blocks of the guide."""
    return re.findall(r"^ *```sql\n(.*?)^ *```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)


def test_the_mapping_of_the_guide_works(importer: Importer) -> None:
    """The guide's mapping imports a customer as it promises."""
    header = "customer_no,email,newsletter,city,language,since,age,total_spent,country\n"
    rows = "7,ann@shop.example,subscribed,Vienna,DE,31.12.2025,41,1990,AT\n8,bob@shop.example,never,Berlin,de,01.02.2026,42,10,DE\n"
    assert importer.csv("recipients", header + rows + "9,eve@shop.example,never,Paris,fr,01.02.2026,42,10,XX\n", examples()[0]).written == 2
    ann = importer.recipients.get("7")
    assert ann is not None
    assert (ann.consent, ann.time_zone, ann.locale, ann.attributes) == (True, "Europe/Vienna", "de", {"age": 41, "spent": 19.9})


def test_the_union_of_the_guide_works(importer: Importer) -> None:
    """The guide's mapping of a letter with two places makes two decisions of a row."""
    history = "id,hero,offer,sent_at,hero_clicked,offer_clicked\n7,sale,coupon,2026-01-01T10:00:00Z,1,0\n"
    report = importer.csv("decisions", history, examples()[1])
    assert (report.source_rows, report.written, report.outcomes) == (1, 2, 1)


@pytest.mark.parametrize(
    ("expression", "instant"),
    [
        ("CAST(sent_at AS TIMESTAMP) AT TIME ZONE 'Europe/Vienna'", "2026-07-01T08:00:00+00:00"),
        ("to_timestamp(ts)", "2026-07-01T10:00:00+00:00"),
    ],
)
def test_the_instants_of_the_guide_work(importer: Importer, expression: str, instant: str) -> None:
    """Instants of another zone, and seconds since 1970, are mapped as the guide says."""
    assert expression in GUIDE.read_text()
    mapping = f"SELECT 'r' AS recipient_id, 'clicked' AS kind, {expression} AS occurred_at FROM source"  # noqa: S608 - the guide's own
    importer.csv("events", "sent_at,ts\n2026-07-01 10:00:00,1782900000\n", mapping)
    assert importer.lake.read("events")["occurred_at"][0].isoformat() == instant
