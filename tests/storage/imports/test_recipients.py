"""Importing recipients: good rows are kept, bad ones are refused with their number and reason, nothing is guessed."""

import pytest

from domain.errors import InputError, InvalidInput
from domain.recipient import AttributeKind
from storage.imports.report import Refusal
from tests.storage.imports.importing import Importer

HEADER = "recipient_id,address,consent,time_zone,locale,created_at\n"
GOOD = "r{0},r{0}@shop.example,yes,Europe/Vienna,de-AT,2026-01-01T10:00:00Z\n"


def good(*numbers: int) -> str:
    """Good rows."""
    return "".join(GOOD.format(number) for number in numbers)


def test_a_recipient_is_imported_as_written(any_importer: Importer) -> None:
    """Every column arrives at the recipient, and the account says one was written."""
    report = any_importer.csv("recipients", HEADER + "r1,Ann@Shop.example,yes,Europe/Vienna,de_AT,2026-01-01T10:00:00+02:00\n")
    assert (report.read, report.written, report.unchanged, report.refused, report.rejects) == (1, 1, 0, {}, None)
    ann = any_importer.recipients.get("r1")
    assert ann is not None
    assert (ann.address, ann.consent, ann.time_zone, ann.locale) == ("Ann@Shop.example", True, "Europe/Vienna", "de-AT")
    assert ann.created_at is not None
    assert ann.created_at.isoformat() == "2026-01-01T08:00:00+00:00"


def test_importing_again_changes_nothing(any_importer: Importer) -> None:
    """The same file twice leaves the same recipients, reported as unchanged."""
    any_importer.csv("recipients", HEADER + good(1, 2, 3))
    before = any_importer.recipients.load()
    report = any_importer.csv("recipients", HEADER + good(1, 2, 3))
    assert (report.written, report.unchanged) == (0, 3)
    assert any_importer.recipients.load().equals(before)


def test_only_changed_rows_are_written(any_importer: Importer) -> None:
    """A further import counts new and changed rows as written, the others as unchanged."""
    any_importer.csv("recipients", HEADER + good(1, 2))
    report = any_importer.csv("recipients", HEADER + good(1, 3) + "r2,r2@shop.example,no,Europe/Vienna,de-AT,2026-01-01T10:00:00Z\n")
    assert (report.written, report.unchanged) == (2, 1)


REFUSALS = [
    ("r1,nonsense,yes,,,", Refusal.BAD_ADDRESS),
    ("r1,a@b@c.example,yes,,,", Refusal.BAD_ADDRESS),
    ('r1,"r1@shop.example\r\nBcc: all@shop.example",yes,,,', Refusal.BAD_ADDRESS),
    ("r1,r1@shop.example\0,yes,,,", Refusal.BAD_ADDRESS),
    ("~country=DE,r1@shop.example,yes,,,", Refusal.RESERVED_ID),
    ("r1,,yes,,,", Refusal.MISSING_VALUE),
    (",r1@shop.example,yes,,,", Refusal.MISSING_VALUE),
    ("r\x1b1,r1@shop.example,yes,,,", Refusal.CONTROL_CHARACTER),
    ("r1,r1@shop.example,maybe,,,", Refusal.WRONG_TYPE),
    ("r1,r1@shop.example,0.3,,,", Refusal.WRONG_TYPE),
    ("r1,r1@shop.example,yes,Mars/Olympus,,", Refusal.UNKNOWN_TIME_ZONE),
    ("r1,r1@shop.example,yes,europe/vienna,,", Refusal.UNKNOWN_TIME_ZONE),
    ("r1,r1@shop.example,yes,,deutsch!,", Refusal.BAD_LOCALE),
    ("r1,r1@shop.example,yes,,,yesterday", Refusal.WRONG_TYPE),
    ("r1,r1@shop.example,yes,,,0001-01-01", Refusal.OUT_OF_RANGE),
    ("r1,r1@shop.example,yes,,,infinity", Refusal.OUT_OF_RANGE),
    ("r1,r1@shop.example,yes,,", Refusal.COLUMN_COUNT),
    ("r1,r1@shop.example,yes,,,,surplus", Refusal.COLUMN_COUNT),
    ('r1,"r1@shop.example",yes,,,"2026-01-01', Refusal.BAD_QUOTING),
]


@pytest.mark.parametrize(("row", "reason"), REFUSALS, ids=[f"{reason}-{place}" for place, (_, reason) in enumerate(REFUSALS)])
def test_a_bad_row_is_refused_and_the_others_kept(importer: Importer, row: str, reason: Refusal) -> None:
    """A bad row between good ones is the only one missing; the rejects file has its number, line, reason and content."""
    report = importer.csv("recipients", HEADER + good(7) + row + "\n" + good(8))
    assert importer.ids() == ["r7", "r8"]
    assert dict(report.refused) == {reason: 1}
    assert report.read == report.written + sum(report.refused.values())
    (reject,) = importer.rejects()
    assert (reject["row"], reject["line"], reject["reason"]) == ("2", "3", reason)
    assert reject["detail"]
    assert reject["raw"].split(",")[0] == row.split(",", maxsplit=1)[0]


def test_a_latin1_byte_costs_one_row(importer: Importer) -> None:
    """A byte that is not UTF-8 refuses its row, shows itself in the rejects file, and the report says what to do."""
    rows = (HEADER.replace("created_at", "name") + "r1,r1@shop.example,yes,,,Jos\xe9\n").encode(
        "latin-1"
    ) + "r2,r2@shop.example,yes,,,José\n".encode()
    report = importer.csv("recipients", rows)
    assert importer.ids() == ["r2"]
    assert importer.rejects()[0]["raw"] == r"r1,r1@shop.example,yes,,,Jos\xe9"
    assert any("iconv" in note for note in report.notes)


def test_the_second_of_two_rows_with_one_id_is_refused(importer: Importer) -> None:
    """An id that occurs again is refused and told which row has it; the first row stands."""
    importer.csv("recipients", HEADER + good(1) + "r1,other@shop.example,yes,,,\n")
    assert importer.rejects()[0]["detail"] == "recipient_id: the same as in row 1"
    assert [one.address for one in [importer.recipients.get("r1")] if one] == ["r1@shop.example"]


def test_a_refused_row_is_no_ones_twin(importer: Importer) -> None:
    """A row that was refused for another reason does not make a good row with its id a duplicate."""
    importer.csv("recipients", HEADER + "r1,nonsense,yes,,,\n" + good(1))
    assert importer.ids() == ["r1"]


def test_one_mailbox_has_one_recipient_within_a_source(importer: Importer) -> None:
    """Another spelling of a mailbox under another id is refused as a duplicate."""
    importer.csv("recipients", HEADER + good(1) + "r2,R1@SHOP.example,yes,,,\n")
    assert importer.ids() == ["r1"]
    assert importer.rejects()[0]["detail"] == "address: the same mailbox as in row 1"


def test_one_mailbox_has_one_recipient_across_imports(any_importer: Importer) -> None:
    """A mailbox that another recipient of the database has is refused; its owner may be imported again."""
    any_importer.csv("recipients", HEADER + good(1))
    report = any_importer.csv("recipients", HEADER + "r2,R1@shop.example,yes,,,\n" + good(1, 3))
    assert any_importer.ids() == ["r1", "r3"]
    assert dict(report.refused) == {"duplicate": 1}


def test_consent_is_never_assumed(importer: Importer) -> None:
    """Without a consent column nothing is imported, and the message names the columns and the way to say it."""
    with pytest.raises(InvalidInput) as caught:
        importer.csv("recipients", "id,mail\n1,a@shop.example\n", "SELECT id AS recipient_id, mail AS address FROM source")
    assert "true AS consent" in str(caught.value)
    assert "id, mail" in str(caught.value)
    report = importer.csv(
        "recipients", "id,mail\n1,a@shop.example\n", "SELECT id AS recipient_id, mail AS address, true AS consent FROM source"
    )
    assert report.written == 1


def test_empty_consent_is_no_consent(importer: Importer) -> None:
    """A blank where others said yes or no is a recipient who may not be written to."""
    importer.csv("recipients", HEADER + "r1,r1@shop.example,,,,\n")
    ann = importer.recipients.get("r1")
    assert ann is not None
    assert not ann.consent
    assert (ann.time_zone, ann.locale) == ("UTC", "en")


def test_further_columns_become_attributes(any_importer: Importer) -> None:
    """Numbers become numeric attributes, few texts categories, mostly different texts text; values print as they were."""
    names = "".join(f"r{n},r{n}@shop.example,yes,{n},{n}.50,{'gold' if n % 2 else 'blue'},Name {n},0{n:04d}\n" for n in range(40))
    any_importer.csv("recipients", "recipient_id,address,consent,age,spend,plan,full_name,zip\n" + names)
    assert any_importer.recipients.attributes() == {
        "age": AttributeKind.NUMERIC,
        "spend": AttributeKind.NUMERIC,
        "plan": AttributeKind.CATEGORICAL,
        "full_name": AttributeKind.TEXT,
        "zip": AttributeKind.TEXT,
    }
    ann = any_importer.recipients.get("r7")
    assert ann is not None
    assert ann.attributes == {"age": 7, "spend": 7.5, "plan": "gold", "full_name": "Name 7", "zip": "00007"}


def test_booleans_stay_booleans(importer: Importer) -> None:
    """A true-or-false attribute is one in templates: false is not a text that counts as true."""
    importer.csv("recipients", "recipient_id,address,consent,n\n1,a@shop.example,yes,3\n", "SELECT *, n > 5 AS vip FROM source")
    found = importer.recipients.get("1")
    assert found is not None
    assert found.attributes["vip"] is False
    assert importer.recipients.attributes()["vip"] is AttributeKind.CATEGORICAL


def test_a_contradicting_attribute_is_refused_as_a_whole(any_importer: Importer) -> None:
    """A later import that has texts where numbers were declared is refused before anything is written."""
    any_importer.csv("recipients", "recipient_id,address,consent,age\n1,a@shop.example,yes,41\n")
    with pytest.raises(InputError, match="'age' is numeric"):
        any_importer.csv("recipients", "recipient_id,address,consent,age\n2,b@shop.example,yes,old\n")
    assert any_importer.ids() == ["1"]


def test_an_empty_column_contradicts_nothing(importer: Importer) -> None:
    """A column without a single value has no kind: it neither declares nor contradicts one."""
    importer.csv("recipients", "recipient_id,address,consent,age\n1,a@shop.example,yes,41\n")
    report = importer.csv("recipients", "recipient_id,address,consent,age,new\n2,b@shop.example,yes,,\n")
    assert report.written == 1
    assert list(importer.recipients.attributes()) == ["age"]


def test_what_an_import_does_not_give_stays(any_importer: Importer) -> None:
    """An import of one more attribute keeps the others, the time zone and the date; NULL takes a value away."""
    any_importer.csv("recipients", HEADER.replace("locale", "plan") + "r1,r1@shop.example,yes,Europe/Vienna,gold,2026-01-01\n")
    any_importer.csv("recipients", "recipient_id,address,consent,age\nr1,r1@shop.example,yes,41\n")
    ann = any_importer.recipients.get("r1")
    assert ann is not None
    assert (ann.time_zone, ann.attributes) == ("Europe/Vienna", {"plan": "gold", "age": 41})
    assert ann.created_at is not None
    any_importer.csv("recipients", "recipient_id,address,consent\nr1,r1@shop.example,yes\n", "SELECT *, NULL::VARCHAR AS plan FROM source")
    later = any_importer.recipients.get("r1")
    assert later is not None
    assert later.attributes == {"plan": None, "age": 41}


def test_strangers_among_numbers_are_refused(importer: Importer) -> None:
    """In a column of numbers a text is of the wrong type; said to be text, the column is kept as it is."""
    rows = "recipient_id,address,consent,age\n" + "".join(f"r{n},r{n}@shop.example,yes,{n or 'old'}\n" for n in range(10))
    assert dict(importer.csv("recipients", rows).refused) == {"wrong_type": 1}
    assert importer.rejects()[0]["row"] == "1"


def test_a_column_said_to_be_text_stays_text(importer: Importer) -> None:
    """`texts` keeps a column of codes that look like numbers from being read as numbers."""
    rows = "recipient_id,address,consent,code\n" + "".join(f"r{n},r{n}@shop.example,yes,{n or 'A1'}\n" for n in range(10))
    assert not importer.csv("recipients", rows, texts=("code",)).refused
    assert importer.recipients.attributes() == {"code": AttributeKind.CATEGORICAL}


def test_strangers_in_columns_that_are_not_mapped_do_not_matter(importer: Importer) -> None:
    """A bad value in a column that the mapping does not look at refuses nothing."""
    rows = "id,mail,age\n" + "".join(f"r{n},r{n}@shop.example,{n or 'old'}\n" for n in range(10))
    assert importer.csv("recipients", rows, "SELECT id AS recipient_id, mail AS address, true AS consent FROM source").written == 10


def test_ids_are_kept_as_they_are_written(importer: Importer) -> None:
    """Ids with leading zeros, of mixed letters and digits, or with fractions are not turned into numbers."""
    ids = ["007", "7", "1.50", "12345678901234567890", "x9", "1e5", "Ärger"]
    rows = "".join(f"{who},r{place}@shop.example,yes\n" for place, who in enumerate(ids))
    importer.csv("recipients", "id,address,consent\n" + rows, "SELECT id AS recipient_id, address, consent FROM source")
    assert sorted(importer.ids()) == sorted(ids)


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        ('SELECT *, 1 AS "First Name" FROM source', "First Name"),
        ("SELECT *, 1 AS bucket FROM source", "bucket"),
        ("SELECT *, 1 AS Attributes FROM source", "Attributes"),
    ],
)
def test_attributes_have_names_that_templates_can_use(importer: Importer, mapping: str, what: str) -> None:
    """Names that no template or expression could use, or that are columns of our own, are refused with the way out."""
    with pytest.raises(InvalidInput, match=what):
        importer.csv("recipients", HEADER + good(1), mapping)


def test_html_and_jinja_are_just_text(importer: Importer) -> None:
    """An attribute full of markup and template code is kept letter for letter."""
    nasty = "<script>{{ 7 * 7 }}{% raw %}</script> \"'\\"
    importer.csv("recipients", 'recipient_id,address,consent,name\nr1,r1@shop.example,yes,"' + nasty.replace('"', '""') + '"\n')
    found = importer.recipients.get("r1")
    assert found is not None
    assert found.attributes["name"] == nasty


def test_times_without_a_zone_are_utc_and_it_is_said(importer: Importer) -> None:
    """Naive instants are read as UTC, and the report counts them."""
    report = importer.csv("recipients", HEADER + "r1,r1@shop.example,yes,,,2026-07-01 10:00:00\n" + good(2))
    found = importer.recipients.get("r1")
    assert found is not None
    assert found.created_at is not None
    assert found.created_at.isoformat() == "2026-07-01T10:00:00+00:00"
    assert report.notes == ("created_at has no time zone in 1 rows: read as UTC",)


def test_progress_reaches_its_end(importer: Importer) -> None:
    """Each stage tells how far it is, and ends at its total."""
    importer.csv("recipients", HEADER + good(*range(1, 30)))
    assert [(step.stage, step.done) for step in importer.steps] == [("reading", 29), ("checking", 29), ("writing", 29)]


def test_the_rejects_file_is_private_and_replaced(importer: Importer) -> None:
    """It holds personal data, so only its owner reads it; a clean import leaves none of the last one's."""
    report = importer.csv("recipients", HEADER + "r1,nonsense,yes,,,\n")
    assert report.rejects is not None
    assert report.rejects.stat().st_mode & 0o077 == 0
    assert importer.csv("recipients", HEADER + good(1)).rejects is None
    assert not report.rejects.exists()
