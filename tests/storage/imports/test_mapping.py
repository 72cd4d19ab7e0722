"""Mappings: one query over `source`, which can read nothing else and change nothing."""

from pathlib import Path

import pytest

from domain.errors import InputError
from storage.imports.mapping import IDENTITY, MappingText, parse_mapping, read_mapping
from tests.storage.imports.importing import Importer

CSV = "id,mail,n\n1,a@shop.example,5\n2,b@shop.example,x\n3,c@shop.example,7\n4,d@shop.example,8\n5,e@shop.example,9\n"

REFUSED = [
    "",
    "-- nothing",
    "DROP TABLE source",
    "DELETE FROM source",
    "UPDATE source SET a = 1",
    "INSERT INTO source SELECT 1",
    "CREATE TABLE x AS SELECT * FROM source",
    "COPY source TO '/tmp/x'",
    "ATTACH '/tmp/x.db'",
    "INSTALL httpfs",
    "PRAGMA version",
    "SET memory_limit = '1TB'",
    "SELECT 1; SELECT 2",
    "SELECT * FROM 'customers.csv'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM source, other",
    "SELECT * FROM raw",
    "SELECT * FROM refused",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM main.source",
    "SELECT a FROM source WHERE b IN (SELECT c FROM glob('*'))",
    "WITH source2 AS (SELECT * FROM read_blob('*')) SELECT * FROM source2",
    "SELEC a FROM source",
    "SELECT a FROM source WHERE (",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_anything_but_one_reading_query_is_refused(sql: str) -> None:
    """Statements that write, read files or other tables, are several or are no SQL, are the user's mistake."""
    with pytest.raises(InputError, match="--map"):
        parse_mapping(MappingText(sql))


@pytest.mark.parametrize(
    "sql",
    ["SELECT content FROM source, LATERAL read_text('/etc/hostname')", "SELECT * FROM source WHERE n = (SELECT count(*) FROM glob('/*'))"],
)
def test_even_what_parses_reaches_no_file(importer: Importer, sql: str) -> None:
    """Functions that read files are refused, be it by the parser or by the sealed database."""
    with pytest.raises(InputError):
        importer.csv("recipients", CSV, sql)


def test_the_line_of_a_mistake_is_told(tmp_path: Path) -> None:
    """A syntax error names the mapping's file and line."""
    file = tmp_path / "map.sql"
    file.write_text("SELECT id\n  AS recipient_id\nFROM source WHERE (")
    with pytest.raises(InputError, match=r"map\.sql:3"):
        parse_mapping(read_mapping(str(file)))


def test_mappings_are_given_as_text_or_file(tmp_path: Path) -> None:
    """SQL is taken as it stands; a name is read; without any, every column means itself."""
    file = tmp_path / "my map.sql"
    file.write_text("SELECT 1 FROM source")
    assert read_mapping(str(file)) == MappingText("SELECT 1 FROM source", str(file))
    assert read_mapping("SELECT 1 FROM source") == MappingText("SELECT 1 FROM source")
    assert read_mapping(None) == IDENTITY
    for missing in ("nothing.sql", "no-such-file"):
        with pytest.raises(InputError, match="cannot be read"):
            read_mapping(missing)


def test_unknown_columns_name_those_there_are(importer: Importer) -> None:
    """A mapping over a column that the source lacks is told which it has."""
    with pytest.raises(InputError, match="id, mail, n"):
        importer.csv("recipients", CSV, "SELECT nothing AS recipient_id FROM source")


def test_every_missing_column_is_named(importer: Importer) -> None:
    """All required columns that a mapping lacks are listed at once."""
    with pytest.raises(InputError) as caught:
        importer.csv("decisions", CSV, "SELECT id AS recipient_id FROM source")
    assert all(name in str(caught.value) for name in ("placement", "variant", "decided_at"))


def test_unknown_outputs_of_a_mapping_are_mistakes(importer: Importer) -> None:
    """A mistyped column name is refused where further columns mean nothing, and left out, said so, where all were taken."""
    wrong = "SELECT id AS recipient_id, 'p' AS placement, 'v' AS variant, DATE '2026-01-01' AS decided_at, 1 AS propensty FROM source"
    with pytest.raises(InputError, match="propensty"):
        importer.csv("decisions", CSV, wrong)
    report = importer.csv("decisions", CSV, wrong.replace("1 AS propensty", "*"))
    assert any("mail" in note for note in report.notes)


@pytest.mark.parametrize(
    ("mapping", "rows"),
    [
        ("SELECT id AS recipient_id, mail AS address, true AS consent, CAST(n AS INTEGER) AS n FROM source", [2]),
        ("SELECT id AS recipient_id, mail AS address, true AS consent, 1 + n::DOUBLE AS n FROM source AS s ORDER BY id DESC", [2]),
        ("SELECT id AS recipient_id, CASE WHEN id IN ('2', '4') THEN 'x' ELSE mail END AS address, true AS consent FROM source", [2, 4]),
        ("SELECT id AS recipient_id, NULL AS address, true AS consent FROM source WHERE id = '3' LIMIT 1", [3]),
        (
            "SELECT 'a' || id AS recipient_id, mail AS address, true AS consent FROM source "
            "UNION ALL SELECT id, 'x', false FROM source WHERE id = 5",
            [5],
        ),
        (
            "SELECT n AS Recipient_ID, mail AS address, max(n) OVER () = 'x' AS consent FROM source WHERE mail LIKE 'b%'",
            [],
        ),
    ],
    ids=["cast", "cast inside", "case", "where", "union", "window"],
)
def test_refused_rows_keep_the_number_of_the_sources_row(importer: Importer, mapping: str, rows: list[int]) -> None:
    """However a mapping filters, sorts, unites or casts, a refused row is named by its place in the source."""
    importer.csv("recipients", CSV, mapping, texts=("n",))
    found = importer.rejects() if (importer.folder / "rejects.csv").exists() else []
    assert [int(one["row"]) for one in found] == rows
    assert all(one["raw"].startswith(one["row"] + ",") for one in found)


@pytest.mark.parametrize(
    "mapping",
    [
        "SELECT id AS recipient_id, any_value(mail) AS address, true AS consent FROM source GROUP BY id",
        "SELECT DISTINCT id AS recipient_id, mail AS address, true AS consent FROM source",
        "SELECT a.id AS recipient_id, b.mail AS address, true AS consent FROM source a JOIN source b ON a.id = b.id",
        "WITH t AS (SELECT * FROM source) SELECT id AS recipient_id, mail AS address, true AS consent FROM t",
        "SELECT id AS recipient_id, mail AS address, true AS consent FROM (SELECT * FROM source)",
        "SELECT id AS recipient_id, mail AS address, true AS consent FROM source UNION SELECT id, mail, true FROM source",
        "FROM source SELECT id AS recipient_id, mail AS address, true AS consent",
    ],
)
def test_queries_may_group_join_and_nest(importer: Importer, mapping: str) -> None:
    """Any query over `source` will do, not only plain selections."""
    assert importer.csv("recipients", CSV, mapping).written == 5


def test_a_cast_that_cannot_be_excused_keeps_values_out_of_the_message(importer: Importer) -> None:
    """A conversion that fails in a condition stops the import with a hint, and without the value."""
    with pytest.raises(InputError, match="TRY_CAST") as caught:
        importer.csv(
            "recipients", CSV, "SELECT id AS recipient_id, mail AS address, true AS consent FROM source WHERE CAST(mail AS INTEGER) > 1"
        )
    assert "shop.example" not in str(caught.value)


def test_sources_without_ids_have_row_numbers(importer: Importer) -> None:
    """`source_row` numbers the source's rows, refused ones included, so that two imports of a file mean the same row by it."""
    damaged = CSV.encode().replace(b"2,b@", b"2,\xff@")
    mapping = "SELECT 'r' || source_row AS recipient_id, mail AS address, true AS consent, * EXCLUDE (id, mail) FROM source"
    importer.csv("recipients", damaged, mapping, texts=("n",))
    assert importer.ids() == ["r1", "r3", "r4", "r5"]
    assert list(importer.recipients.attributes()) == ["n"]
    history = "SELECT 'r' || source_row AS recipient_id, 'p' AS placement, 'v' AS variant, DATE '2026-01-01' AS decided_at FROM source"
    importer.csv("decisions", CSV, history)
    assert sorted(importer.lake.read("decisions")["recipient_id"]) == ["r1", "r2", "r3", "r4", "r5"]


def test_a_source_may_have_a_column_of_that_name(importer: Importer) -> None:
    """A column `source_row` of the source is the source's own."""
    mapping = "SELECT source_row AS recipient_id, mail AS address, true AS consent FROM source"
    importer.csv("recipients", "source_row,mail\nx,a@shop.example\n", mapping)
    assert importer.ids() == ["x"]
