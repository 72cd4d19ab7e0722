"""Sources of every kind: what they hold arrives; what cannot be used is refused as a whole, before anything is written."""

import gzip
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from domain.errors import InputError, LetterpressError, UnavailableError
from storage.imports.source import Source
from tests.storage.imports.importing import Importer

CSV = "recipient_id,address,consent\nr1,r1@shop.example,yes\nr2,r2@shop.example,no\n"


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", "|").encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        b"sep=;\r\n" + CSV.replace(",", ";").replace("\n", "\r\n").encode(),
        CSV.replace("\n", "\r").encode(),
        b"\n\n" + CSV.rstrip("\n").encode(),
        gzip.compress(CSV.encode()),
        b'"recipient_id" , "address","consent"\n'.replace(b" ,", b",").replace(b', "', b',"') + CSV.partition("\n")[2].encode(),
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "pipe",
        "byte order mark",
        "excel sep line",
        "carriage returns",
        "blank lines",
        "gzip",
        "quoted header",
    ],
)
def test_usual_kinds_of_csv_are_read(importer: Importer, content: bytes) -> None:
    """Delimiter, line ends, byte order mark and compression are recognised, whatever the file is called."""
    assert importer.run("recipients", importer.file(content, "export.dat")).written == 2
    assert importer.ids() == ["r1", "r2"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"recipient_id,address,consent\n", "no rows"),
        (CSV.encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04 an Excel workbook", "neither CSV nor Parquet"),
        (b"PAR1 but not Parquet", "Parquet"),
        (gzip.compress(CSV.encode() * 50)[:60], "damaged"),
        (b"id,ID,address\n1,2,a@shop.example\n", "two columns"),
        ("größe,address\n1,a@shop.example\n".encode("latin-1"), "header"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00", "header|neither"),
    ],
    ids=["empty", "blank", "header only", "utf-16", "excel", "not parquet", "cut gzip", "twice one column", "latin-1 header", "picture"],
)
def test_files_that_cannot_be_used_are_refused(importer: Importer, content: bytes, what: str) -> None:
    """A file that is no table of ours is InputError with its name and the reason; nothing is written."""
    with pytest.raises(InputError, match=what) as caught:
        importer.run("recipients", importer.file(content, "export.csv"))
    assert "export.csv" in str(caught.value)
    assert importer.ids() == []


def test_files_that_are_not_there_are_refused(importer: Importer, tmp_path: Path) -> None:
    """A missing file and a folder are told apart."""
    with pytest.raises(InputError, match="no such file"):
        importer.run("recipients", str(tmp_path / "nothing.csv"))
    with pytest.raises(InputError, match="folder"):
        importer.run("recipients", str(tmp_path))


def parquet(importer: Importer, **columns: Any) -> str:
    """A Parquet file of these columns."""
    path = importer.folder / "customers.parquet"
    pq.write_table(pa.table(columns), path)
    return str(path)


def test_parquet_keeps_its_types(importer: Importer) -> None:
    """Whole numbers, booleans, instants, dates and missing values of a Parquet file arrive as what they are."""
    created = pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC), None], pa.timestamp("ns", tz="Europe/Vienna"))
    source = parquet(
        importer,
        recipient_id=[1, 2],
        address=["a@shop.example", "b@shop.example"],
        consent=[True, None],
        created_at=created,
        born=[date(1980, 1, 2), None],
    )
    assert importer.run("recipients", source).written == 2
    one, two = importer.recipients.get("1"), importer.recipients.get("2")
    assert one is not None
    assert two is not None
    assert (one.consent, one.created_at, one.attributes) == (True, datetime(2026, 1, 1, 12, tzinfo=UTC), {"born": "1980-01-02"})
    assert (two.consent, two.created_at, two.attributes) == (False, None, {"born": None})


def test_parquet_columns_that_sql_cannot_tell_apart_are_refused(importer: Importer) -> None:
    """Two columns whose names differ in case only are named, not mixed up."""
    with pytest.raises(InputError, match="'address'"):
        importer.run("recipients", parquet(importer, recipient_id=[1], address=["a"], Address=["b"]))


def test_parquet_of_wrong_types_refuses_its_rows(importer: Importer) -> None:
    """Columns of types that cannot be read refuse every row, each with the column and what it should be."""
    source = parquet(importer, recipient_id=["r1", "r2"], address=[1.5, 2.5], consent=["perhaps", "never"], created_at=[1, 2])
    report = importer.run("recipients", source)
    assert (report.read, report.written, dict(report.refused)) == (2, 0, {"wrong_type": 2})
    assert {reject["detail"].partition(":")[0] for reject in importer.rejects()} <= {"consent", "created_at"}


def test_parquet_texts_that_are_not_utf8_cost_their_row(importer: Importer) -> None:
    """A damaged text in a Parquet file refuses its row only."""
    names = pa.array([b"Jos\xe9", "José".encode(), None], pa.binary()).view(pa.string())
    source = parquet(
        importer,
        recipient_id=["r1", "r2", "r3"],
        address=["a@shop.example", "b@shop.example", "c@shop.example"],
        consent=[True] * 3,
        name=names,
    )
    assert dict(importer.run("recipients", source).refused) == {"undecodable_bytes": 1}
    assert importer.ids() == ["r2", "r3"]


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """URL of somebody's SQLite database with two tables."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER, mail TEXT, age, since TEXT)")
        rows = [(1, "a@shop.example", 20, "2026-01-01"), (2, "b@shop.example", None, None), (3, "nonsense", 5, None)]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO customers VALUES (4, CAST(x'6aff' AS TEXT), 1, NULL)")
        connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    return f"sqlite:///{path}"


MAPPING = "SELECT id AS recipient_id, mail AS address, true AS consent, age, since AS created_at FROM source"


def test_a_table_of_a_database_is_imported(importer: Importer, shop: str) -> None:
    """A table is read with its types; a bad address and undecodable bytes cost their rows."""
    report = importer.run("recipients", shop, MAPPING, table="customers")
    assert importer.ids() == ["1", "2"]
    assert dict(report.refused) == {"bad_address": 1, "undecodable_bytes": 1}
    assert [(reject["row"], reject["reason"]) for reject in importer.rejects()] == [("3", "bad_address"), ("4", "undecodable_bytes")]


def test_a_query_of_a_database_is_imported(importer: Importer, shop: str) -> None:
    """A query in the database's own SQL chooses the rows; colons in it are no parameters."""
    query = "SELECT id, mail, 30 AS age, '2026-01-01 12:30' AS since FROM customers WHERE id < 3 AND mail <> ':x';"
    assert importer.run("recipients", shop, MAPPING, query=query).written == 2


def test_a_postgresql_source_is_read_and_never_written(importer: Importer, postgresql_url: str) -> None:
    """Decimals, instants and texts come from PostgreSQL; a query that writes is refused by the server too."""
    engine = sa.create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SEQUENCE visits"))
        connection.execute(sa.text("CREATE TABLE crm (id int, mail text, spend numeric(10,2), since timestamptz, tags text[])"))
        row = {"spend": Decimal("12.50"), "since": datetime(2026, 1, 1, tzinfo=UTC), "tags": ["a", "b"]}
        connection.execute(
            sa.text("INSERT INTO crm VALUES (1, 'a@shop.example', :spend, :since, :tags), (2, 'b@shop.example', NULL, NULL, NULL)"), row
        )
    url = postgresql_url.replace("postgresql+psycopg", "postgresql")
    mapping = "SELECT id AS recipient_id, mail AS address, true AS consent, spend, since AS created_at, tags FROM source"
    assert importer.run("recipients", url, mapping, table="crm").written == 2
    one = importer.recipients.get("1")
    assert one is not None
    assert (one.attributes["spend"], one.created_at) == (12.5, row["since"])
    with pytest.raises(InputError, match="read-only"):
        importer.run("recipients", url, mapping, query="SELECT nextval('visits') AS id")
    engine.dispose()


def test_a_database_with_several_tables_asks_which(importer: Importer, shop: str) -> None:
    """Without --table or --query the tables there are get named."""
    with pytest.raises(InputError, match="customers, orders"):
        importer.run("recipients", shop, MAPPING)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:////nowhere/at/all.db", UnavailableError),
        ("postgresql://clerk:hunter2@127.0.0.1:1/shop", UnavailableError),
        ("mysql://clerk:hunter2@127.0.0.1/shop", InputError),
        ("nonsense://clerk:hunter2@host/shop", InputError),
        ("not a url://", InputError),
    ],
)
def test_databases_that_cannot_be_read_are_refused(importer: Importer, url: str, kind: type[LetterpressError]) -> None:
    """A database that is down, has no driver, or is none ends with exit code 2 and without its password."""
    with pytest.raises(kind) as caught:
        importer.run("recipients", url, MAPPING, table="customers")
    assert caught.value.exit_code == 2
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"table": "nothing"},
        {"query": "SELECT id, mail AS ID FROM customers"},
        {"query": "DELETE FROM customers"},
        {"query": "SELECT 1; SELECT 2"},
        {"query": "SELEC 1"},
    ],
)
def test_bad_tables_and_queries_are_refused(importer: Importer, shop: str, options: dict[str, Any]) -> None:
    """A table that is not there and a query that does more than read are the user's mistakes; nothing changes."""
    with pytest.raises(InputError):
        importer.run("recipients", shop, MAPPING, **options)
    with sqlite3.connect(shop.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (4,)


def test_queries_are_for_databases(importer: Importer) -> None:
    """--query with a file points to the mapping instead."""
    with pytest.raises(InputError, match="--map"):
        importer.run("recipients", importer.file(CSV), query="SELECT 1")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (Source("/data/My customers (2026).csv.gz"), "My-customers-2026"),
        (Source("postgresql://host/shop?sslmode=require", table="public.customers"), "public.customers"),
        (Source("sqlite:////data/shop.db"), "shop"),
        (Source("..."), "import"),
    ],
)
def test_sources_have_names(source: Source, name: str) -> None:
    """A source that nobody named is called after its file, table or database, in letters a folder may have."""
    assert source.safe_name == name
