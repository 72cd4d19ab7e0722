"""Expressions: what they may say, what they answer, and how their mistakes are told."""

from datetime import UTC, datetime

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.expressions import MAX_LENGTH, evaluate, parse
from domain.errors import InputError, InvalidInput
from domain.recipient import AttributeKind

ATTRIBUTES = {"country": AttributeKind.CATEGORICAL, "orders": AttributeKind.NUMERIC, "first_name": AttributeKind.TEXT}
AS_OF = datetime(2026, 11, 23, 9, tzinfo=UTC)


def recipients(**columns: object) -> pd.DataFrame:
    """An expanded frame of three, with some columns replaced."""
    standard = {
        "recipient_id": ["r1", "r2", "r3"],
        "address": ["a@shop.example", "b@shop.example", "c@else.example"],
        "time_zone": ["Europe/Berlin", "Europe/Paris", "UTC"],
        "locale": ["de", "fr", "en"],
        "consent": [True, False, True],
        "created_at": pd.to_datetime(pd.Series(["2026-01-01", "2026-11-20", None]), utc=True),
        "bucket": np.array([0, 40_000, 65_535], dtype=np.int32),
        "country": pd.array(["DE", "FR", None], dtype="str"),
        "orders": [3.0, np.nan, 0.0],
        "first_name": pd.array(["Ann", None, "{{ 7*7 }}"], dtype="str"),
    }
    return pd.DataFrame(standard | columns)


def holds(text: str, frame: pd.DataFrame | None = None) -> list[bool]:
    found = evaluate([parse(text, ATTRIBUTES)], recipients() if frame is None else frame, AS_OF)
    return [bool(answer) for answer in found[:, 0]]


def mistakes(text: str, line: int = 10) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse(text, ATTRIBUTES, "campaign.yaml", line)
    assert caught.value.exit_code == 2
    return [str(mistake) for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("TRUE", [True, True, True]),
        ("consent", [True, False, True]),
        ("country IN ('DE', 'FR')", [True, True, False]),
        ("country NOT IN ('DE')", [False, True, False]),
        ("coalesce(country, 'US') = 'US'", [False, False, True]),
        ("orders > 0 OR country IS NULL", [True, False, True]),
        ("orders BETWEEN 1 AND 3", [True, False, False]),
        ("address LIKE '%@shop.example'", [True, True, False]),
        ("regexp_matches(first_name, '^A')", [True, False, False]),
        ("CASE WHEN consent THEN orders ELSE 9 END >= 3", [True, True, False]),
        ("created_at > as_of - INTERVAL 30 DAY", [False, True, False]),
        ("date_diff('day', created_at, as_of) > 300", [True, False, False]),
        ("TRY_CAST(first_name AS DOUBLE) IS NULL", [True, True, True]),
        ("bucket < 32768", [True, False, False]),
        ("created_at > as_of - INTERVAL '1 day 2 hours'", [False, False, False]),
        ("created_at > as_of - INTERVAL '1 month'", [False, True, False]),
        ("COUNTRY = 'DE' -- case does not matter", [True, False, False]),
        ("first_name = '{{ 7*7 }}'", [False, False, True]),
    ],
)
def test_answers(text: str, answer: list[bool]) -> None:
    """An expression holds where SQL says TRUE; NULL counts as false."""
    assert holds(text) == answer


def test_many_at_once_keep_order() -> None:
    """Many expressions are answered together: one column each, rows in the frame's order whatever its index."""
    frame = recipients().iloc[[2, 0, 1]]
    found = evaluate([parse("consent", ATTRIBUTES), parse("country = 'DE'", ATTRIBUTES)], frame, AS_OF)
    assert found.tolist() == [[True, False], [True, True], [False, False]]


def test_order_of_a_large_frame() -> None:
    """Rows keep their order also where DuckDB works on them in parallel."""
    values = np.random.default_rng(1).permutation(400_000).astype(float)
    frame = pd.DataFrame({"orders": values})
    assert (evaluate([parse("orders % 3 = 0", ATTRIBUTES)], frame)[:, 0] == (values % 3 == 0)).all()


def test_constant_needs_no_column() -> None:
    """An expression without columns answers for everyone."""
    assert holds("1 = 2") == [False, False, False]


def test_nobody() -> None:
    """An empty frame gives an empty answer of the right shape."""
    assert evaluate([parse("consent", ATTRIBUTES)] * 2, recipients().iloc[:0]).shape == (0, 2)


def test_categories_are_text() -> None:
    """A column of pandas categories is read as its text."""
    frame = recipients(country=pd.Categorical(["DE", "FR", None]))
    assert holds("country = 'FR'", frame) == [False, True, False]


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-5, 5).map(float)), min_size=1, max_size=30),
    bound=st.floats(-1e6, 1e6),
    operator=st.sampled_from(["<", "<=", ">", ">=", "=", "<>"]),
)
def test_comparisons_agree_with_pandas(values: list[float | None], bound: float, operator: str) -> None:
    """A comparison of a number says what pandas says, with missing numbers as false."""
    series = pd.Series(values, dtype=float)
    python = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}[operator]
    expected = getattr(series, python)(bound) & series.notna()
    found = evaluate([parse(f"orders {operator} {bound!r}", ATTRIBUTES)], pd.DataFrame({"orders": series}))
    assert found[:, 0].tolist() == expected.tolist()


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=1, max_size=20), wanted=st.text(max_size=8))
def test_any_text_can_be_compared(texts: list[str | None], wanted: str) -> None:
    """A quoted literal means its text and nothing else, whatever characters it holds."""
    texts = [None if text is None else text.replace("\x00", "") for text in texts]
    wanted = wanted.replace("\x00", "")
    series = pd.Series(texts, dtype="str")
    literal = wanted.replace("'", "''")
    found = evaluate([parse(f"country = '{literal}'", ATTRIBUTES)], pd.DataFrame({"country": series}))
    assert found[:, 0].tolist() == [text == wanted for text in texts]


@pytest.mark.parametrize(
    "text",
    [
        *("trim('  x ') = 'x'", "ltrim(' x') || rtrim('y ') = 'xy'", "left('abc', 2) = 'ab'", "substring('abc', 2) = 'bc'"),
        *("split_part('a@b', '@', 2) = 'b'", "strpos('abc', 'b') = 2", "concat_ws('-', 'a', 'b') = 'a-b'", "len('abc') = 3"),
        *("regexp_extract('a12', '[0-9]+') = '12'", "regexp_replace('aa', 'a', 'b') = 'ba'", "replace('aa', 'a', 'b') = 'bb'"),
        *(
            "levenshtein('ab', 'ac') = 1",
            "7 / 2 = 3.5",
            "7 // 2 = 3",
            "mod(7, 4) = 3",
            "2 ** 3 = 8",
            "-2 ** 2 = 4",
            "round(2.567, 1) = 2.6",
        ),
        *("log10(100) = 2", "date_trunc('month', TIMESTAMP '2026-11-23 09:00') = DATE '2026-11-01'", "isodow(DATE '2026-11-23') = 1"),
        *("date_diff('day', DATE '2026-11-01', DATE '2026-11-23') = 22", "strftime(DATE '2026-11-23', '%Y') = '2026'"),
        *("date_part('year', DATE '2026-11-23') = 2026", "last_day(DATE '2026-02-03') = DATE '2026-02-28'", "1 IN (1, 2) AND NOT 3 IN (1)"),
        *(
            "'a' IS DISTINCT FROM NULL",
            "nullif(1, 1) IS NULL",
            "if(1 = 1, 'a', 'b') = 'a'",
            "'Ab' ILIKE 'ab'",
            "'a!%' LIKE 'a!%' ESCAPE '!'",
        ),
        *("(NULL = 1) IS NULL", "DATE '2026-01-31' + INTERVAL 1 MONTH = DATE '2026-02-28'", "to_days(3) = INTERVAL 3 DAY"),
        *("1 = 2 OR 3 = 3 AND 1 = 2", "10 - 3 - 2 = 5", "'a' || 'b' || 1 = 'ab1'", "starts_with('abc', 'ab')", "'it''s' <> 'its'"),
    ],
)
def test_what_runs_is_what_was_written(text: str) -> None:
    """The SQL generated from the vetted tree means what DuckDB takes the text to mean."""
    with duckdb.connect(":memory:") as plain:
        meant = plain.execute(f"SELECT coalesce(({text}), false)").fetchall()[0][0]
    assert holds(text) == [meant] * 3


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE recipients",
        "consent; DELETE FROM recipients",
        "TRUE); DROP TABLE recipients; --",
        "UPDATE recipients SET consent = TRUE",
        "INSERT INTO recipients VALUES (1)",
        "COPY recipients TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "SET enable_external_access = true",
        "consent AND (DELETE FROM recipients RETURNING TRUE)",
        "CREATE TABLE t AS SELECT 1",
    ],
)
def test_writing_is_refused(text: str) -> None:
    """Text that tries to write is told that expressions only read."""
    assert "only reads" in mistakes(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT consent FROM recipients",
        "(SELECT TRUE)",
        "EXISTS (SELECT 1)",
        "country IN (SELECT country FROM recipients)",
        "country = (SELECT max(country) FROM recipients)",
        "orders > ANY (SELECT 1)",
        "count(*) > 1",
        "sum(orders) > 1",
        "row_number() OVER () = 1",
        "sum(orders) OVER (PARTITION BY country) > 1",
        "read_csv('/etc/passwd') IS NULL",
        "read_text('/etc/passwd') = 'x'",
        "glob('/etc/*') IS NULL",
        "query('SELECT 1') IS NULL",
        "getenv('HOME') = '/root'",
        "current_setting('home_directory') = ''",
        "nextval('s') > 1",
        "pg_sleep(10)",
        "sleep_ms(10)",
        "setseed(0.5) IS NULL",
        "random() < 0.5",
        "uuid() = 'x'",
        "gen_random_uuid() = 'x'",
        "now() > created_at",
        "today() > created_at",
        "current_date > created_at",
        "CURRENT_TIMESTAMP > created_at",
        "current_localtimestamp() > created_at",
        "get_current_timestamp() > created_at",
        "age(created_at) > INTERVAL 1 DAY",
        "current_user = 'x'",
        "error('boom') IS NULL",
        "repeat('x', 1000000000) = 'y'",
        "range(1000000000) IS NULL",
        "list_sum([1, 2]) = 3",
        "unnest([1]) = 1",
        "COLUMNS('.*') IS NULL",
        "*",
        "recipients.consent",
        "main.recipients.consent",
        "$1",
        "?",
        "country = $name",
        "{'a': 1} IS NULL",
        "orders::INTEGER[] IS NULL",
        "created_at::TIMESTAMPTZ > '2026-01-01'",
        "created_at AT TIME ZONE 'UTC' IS NULL",
        "country COLLATE NOCASE = 'de'",
        "consent, consent",
        "consent AS x",
        "consent;",
        "consent WHERE TRUE",
        "WHERE consent",
        "consent UNION SELECT TRUE",
        "TRUE /* unclosed",
        "country = 'unclosed",
        "(((consent)",
        "consent AND",
        "",
        "  \n ",
        "orders" + " + 1" * 9_000,
        "NOT " * 4_000 + "consent",
        "(" * 3_000 + "consent" + ")" * 3_000,
        "TRUE OR " * MAX_LENGTH + "TRUE",
        "country\x00 = 'x'",
        "rowid = 1",
        "typeof(country) = 'VARCHAR'",
        "txid_current() > 1",
        "getvariable('x') = 1",
        "hash(country) % 2 = 0",
    ],
)
def test_anything_but_a_scalar_condition_is_refused(text: str) -> None:
    """What is no condition on one recipient's columns is a mistake with file and line, never another kind of error."""
    found = mistakes(text)
    assert all(line.startswith("campaign.yaml:1") for line in found)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_vetted_or_a_mistake(text: str) -> None:
    """Whatever is written, parsing ends with an expression or with mistakes."""
    try:
        assert parse(text, ATTRIBUTES).text == text
    except InvalidInput as refused:
        assert refused.mistakes


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*"(),;'\"-+*/[]{}$:.", " ", "\n", "SELECT", "consent", "IN", "orders", "AND", "1", "DROP", "NOT", "x("]),
        max_size=12,
    )
)
def test_any_tokens_are_vetted_or_a_mistake(tokens: list[str]) -> None:
    """The same for texts made of SQL's own pieces."""
    try:
        parse(" ".join(tokens), ATTRIBUTES)
    except InvalidInput as refused:
        assert refused.mistakes


def test_unknown_columns_are_all_named() -> None:
    """Every unknown column is reported at its own line, with the names most like it."""
    assert mistakes("consent\nAND cuntry = 'DE'\nAND (ordrs > 3\n  OR zzz)") == [
        "campaign.yaml:11: there is no column 'cuntry' (did you mean country?)",
        "campaign.yaml:12: there is no column 'ordrs' (did you mean orders?)",
        "campaign.yaml:13: there is no column 'zzz' (columns are address, as_of, bucket, consent, country, created_at, first_name, locale, "
        "orders, recipient_id, time_zone)",
    ]


def test_double_quotes_are_names() -> None:
    """Text in double quotes is a name in SQL: the mistake says how text is quoted."""
    assert mistakes('country = "Germany"') == ["campaign.yaml:10: there is no column 'Germany' (text goes in single quotes: 'Germany')"]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("consent\nAND upper(orders) = 'X'", "campaign.yaml:11: UPPER(orders): No function matches"),
        ("consent AND\n\norders > 'many'", "campaign.yaml:12: orders > 'many': Could not convert string 'many' to DOUBLE"),
        ("created_at > 'yesterday'", "campaign.yaml:10: created_at > 'yesterday': invalid timestamp"),
        ("country\nLIKE 5", "campaign.yaml:10: country LIKE 5: No function matches"),
        ("consent\nAND first_name ~ '['", "campaign.yaml:11: REGEXP_MATCHES(first_name, '['): missing ]"),
        ("country", "campaign.yaml:10: the expression gives VARCHAR, not true or false"),
        ("orders + 1", "campaign.yaml:10: the expression gives DOUBLE, not true or false"),
        ("NULL", 'campaign.yaml:10: the expression gives "NULL", not true or false'),
        ("created_at > as_of\n- INTERVAL '1 day or so'", "campaign.yaml:11: '1 day or so' is no interval"),
        ("consent AND\n  country = = 'DE'", "campaign.yaml:11: not a condition in SQL, near"),
    ],
)
def test_types_are_checked_before_data(text: str, start: str) -> None:
    """A wrong type is found without any data, at its line, naming the smallest part that is wrong."""
    assert mistakes(text)[0].startswith(start)


def test_no_line_without_a_line() -> None:
    """Without a file the mistake says what is wrong and no place."""
    with pytest.raises(InvalidInput) as caught:
        parse("cuntry = 'DE'", ATTRIBUTES)
    assert str(caught.value) == "there is no column 'cuntry' (did you mean country?)"


def test_names_that_differ_by_case() -> None:
    """Two columns that differ by case alone cannot be told apart, and are refused where one is named."""
    with pytest.raises(InvalidInput, match="but for case"):
        parse("Tier = 'gold'", {"Tier": AttributeKind.TEXT, "tier": AttributeKind.TEXT})


def test_names_that_need_quotes() -> None:
    """An attribute with blanks or a reserved word as its name is written in double quotes."""
    attributes = {"last order": AttributeKind.NUMERIC, "select": AttributeKind.NUMERIC, 'odd"name': AttributeKind.NUMERIC}
    text = '"last order" > 1 AND "select" > 1 AND "odd""name" > 1'
    frame = pd.DataFrame({"last order": [2.0], "select": [2.0], 'odd"name': [2.0]})
    assert evaluate([parse(text, attributes)], frame).tolist() == [[True]]


def test_standard_columns_win() -> None:
    """An attribute cannot take a standard column's place."""
    assert parse("consent", {"consent": AttributeKind.TEXT}).columns == ("consent",)


def test_data_that_defeat_an_expression() -> None:
    """Data that an expression cannot work on are an input error with its place, and are not quoted."""
    expression = parse("CAST(first_name AS INTEGER) > 1", ATTRIBUTES, "campaign.yaml", 7)
    with pytest.raises(InputError) as caught:
        evaluate([parse("consent", ATTRIBUTES), expression], recipients(), AS_OF)
    assert (
        str(caught.value)
        == "campaign.yaml:7: the expression fails on the recipients' data (a value cannot be converted; TRY_CAST gives NULL for it)"
    )


def test_as_of_is_asked_for() -> None:
    """An expression that names as_of is not evaluated without one."""
    with pytest.raises(InputError, match="as_of has no value"):
        evaluate([parse("created_at < as_of", ATTRIBUTES)], recipients())


def test_missing_column_in_the_data() -> None:
    """A declared column that the frame at hand lacks is an input error that names it."""
    with pytest.raises(InputError, match="no column 'orders'"):
        evaluate([parse("orders > 1", ATTRIBUTES)], recipients().drop(columns="orders"))


def test_instants_are_utc() -> None:
    """Instants are compared in UTC whatever zone the frame holds them in."""
    frame = recipients(
        created_at=pd.to_datetime(pd.Series(["2026-01-01T00:30", "2026-01-01T00:00", None]), utc=True).dt.tz_convert("America/New_York")
    )
    assert holds("created_at >= '2026-01-01'", frame) == [True, True, False]
