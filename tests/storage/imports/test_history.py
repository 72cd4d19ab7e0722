"""Importing decisions, events and purchases: into the lake, once, with everything that was known about them."""

from datetime import UTC, datetime

import pytest

from domain.errors import InputError
from domain.ids import imported_id_of
from storage.imports.report import Refusal
from tests.storage.imports.importing import Importer

DECISIONS = "recipient_id,placement,position,variant,category,propensity,decided_at,clicked,converted,revenue,currency\n"
ROW = "r{0},weekly.hero,1,sale,shoes,0.25,2026-01-01T10:00:00Z,{1},{2},{3},EUR\n"


def rows(*numbers: int, clicked: str = "yes", converted: str = "no", revenue: str = "") -> str:
    """Good decisions."""
    return "".join(ROW.format(number, clicked, converted, revenue) for number in numbers)


def test_a_decision_is_stored_with_its_outcomes(importer: Importer) -> None:
    """Decision, click and conversion arrive in the lake with their instants, propensity and source."""
    report = importer.csv("decisions", DECISIONS + rows(1, converted="yes", revenue="19.90"), name="old-esp")
    assert (report.read, report.written, report.outcomes) == (1, 1, 2)
    (decision,) = importer.lake.read("decisions").to_dict("records")
    at = datetime(2026, 1, 1, 10, tzinfo=UTC)
    expected = {"recipient_id": "r1", "send_id": "old-esp", "variant": "sale", "category": "shoes", "position": 1, "source": "old-esp"}
    assert {name: decision[name] for name in expected} == expected
    assert (decision["propensity"], decision["prefix_propensity"], decision["decided_at"], decision["received_at"]) == (0.25, 0.25, at, at)
    click, conversion = importer.lake.read("outcomes").sort_values("kind").to_dict("records")
    assert (click["kind"], click["decision_id"]) == ("click", decision["decision_id"])
    assert (conversion["kind"], conversion["value"], conversion["currency"]) == ("conversion", 19.9, "EUR")


def test_what_did_not_happen_is_no_outcome(importer: Importer) -> None:
    """No click, no conversion and no revenue leave the decision without outcomes; revenue alone is a conversion."""
    importer.csv("decisions", DECISIONS + rows(1, clicked="0", converted="0", revenue="0") + rows(2, clicked="", converted="", revenue="5"))
    (outcome,) = importer.lake.read("outcomes").to_dict("records")
    assert (outcome["recipient_id"], outcome["kind"], outcome["value"]) == ("r2", "conversion", 5)


def test_importing_again_stores_nothing_twice(importer: Importer) -> None:
    """The same source twice leaves the lake as it was, reported as unchanged."""
    importer.csv("decisions", DECISIONS + rows(1, 2))
    files = importer.lake.files("decisions") + importer.lake.files("outcomes")
    report = importer.csv("decisions", DECISIONS + rows(1, 2))
    assert (report.written, report.unchanged, report.outcomes) == (0, 2, 0)
    assert importer.lake.files("decisions") + importer.lake.files("outcomes") == files


def test_outcomes_that_came_later_are_added(importer: Importer) -> None:
    """A later export of the same decisions adds the clicks that have come in since, once."""
    importer.csv("decisions", DECISIONS + rows(1, 2, clicked="no"))
    report = importer.csv("decisions", DECISIONS + rows(1, clicked="yes") + rows(2, 3, clicked="no"))
    assert (report.written, report.unchanged, report.outcomes) == (1, 2, 1)
    assert importer.csv("decisions", DECISIONS + rows(1, clicked="yes")).outcomes == 0


def test_an_import_that_was_cut_off_is_completed(importer: Importer) -> None:
    """Where decisions were stored and their outcomes not yet, importing again stores the outcomes."""
    importer.csv("decisions", DECISIONS + rows(1, 2))
    for path in importer.lake.files("outcomes"):
        importer.folder.joinpath(path).unlink()
    report = importer.csv("decisions", DECISIONS + rows(1, 2))
    assert (report.unchanged, report.outcomes) == (2, 2)


REFUSALS = [
    ("r1,weekly.hero,1,sale,,0,2026-01-01,,,,", Refusal.OUT_OF_RANGE),
    ("r1,weekly.hero,1,sale,,1.01,2026-01-01,,,,", Refusal.OUT_OF_RANGE),
    ("r1,weekly.hero,1,sale,,-0.5,2026-01-01,,,,", Refusal.OUT_OF_RANGE),
    ("r1,weekly.hero,1,sale,,nan,2026-01-01,,,,", Refusal.WRONG_TYPE),
    ("r1,weekly.hero,1,sale,,often,2026-01-01,,,,", Refusal.WRONG_TYPE),
    ("r1,weekly.hero,0,sale,,,2026-01-01,,,,", Refusal.OUT_OF_RANGE),
    ("r1,weekly.hero,1.5,sale,,,2026-01-01,,,,", Refusal.WRONG_TYPE),
    ("r1,weekly.hero,99999999999999999999,sale,,,2026-01-01,,,,", Refusal.WRONG_TYPE),
    ("r1,weekly.hero,1,,,,2026-01-01,,,,", Refusal.MISSING_VALUE),
    ("r1,weekly.hero,1,sale,,,,,,,", Refusal.MISSING_VALUE),
    ("r1,weekly.hero,1,sale,,,2026-13-01,,,,", Refusal.WRONG_TYPE),
    ("r1,weekly.hero,1,sale,,,2026-01-01,2,,,", Refusal.WRONG_TYPE),
    ("r1,weekly.hero,1,sale,,,2026-01-01,,,inf,", Refusal.WRONG_TYPE),
]


@pytest.mark.parametrize(("row", "reason"), REFUSALS, ids=[f"{reason}-{place}" for place, (_, reason) in enumerate(REFUSALS)])
def test_a_bad_decision_is_refused_and_the_others_kept(importer: Importer, row: str, reason: Refusal) -> None:
    """A row that says what cannot be is refused with its column; its neighbours are stored."""
    report = importer.csv("decisions", DECISIONS + rows(7) + row + "\n" + rows(8))
    assert dict(report.refused) == {reason: 1}
    assert sorted(importer.lake.read("decisions")["recipient_id"]) == ["r7", "r8"]
    assert importer.rejects()[0]["row"] == "2"


def test_unknown_propensities_stay_unknown(importer: Importer) -> None:
    """Nothing is made up: an empty propensity is null, and so is that of a prefix at a later position."""
    importer.csv("decisions", DECISIONS + "r1,p,1,a,,,2026-01-01,,,,\nr1,p,2,b,,0.5,2026-01-01,,,,\n")
    stored = importer.lake.read("decisions").set_index("position")
    assert stored["propensity"].isna().tolist() == [True, False]
    assert stored["prefix_propensity"].isna().all()
    assert stored["category"].tolist() == ["uncategorised"] * 2


def test_the_same_decision_twice_in_a_source_is_refused_once(importer: Importer) -> None:
    """Of two rows for one recipient, placement, position and instant the second is a duplicate, even with another variant."""
    importer.csv("decisions", DECISIONS + rows(1) + rows(1).replace("sale", "news") + rows(1).replace("hero,1", "hero,2"))
    assert [(one["row"], one["reason"]) for one in importer.rejects()] == [("2", "duplicate")]
    assert importer.lake.read("decisions")["variant"].tolist() == ["sale", "sale"]


def test_ids_of_their_own_are_kept(importer: Importer) -> None:
    """A decision that brings its id keeps it, so that events can refer to it; others get one that is the same every time."""
    header = DECISIONS.replace("currency", "decision_id")
    importer.csv("decisions", header + rows(1).replace("EUR", "d-77") + rows(2).replace("EUR", ""), name="old")
    ids = importer.lake.read("decisions").set_index("recipient_id")["decision_id"]
    assert ids["r1"] == "d-77"
    assert ids["r2"] == imported_id_of("decision", "old", "\x1f".join(["r2", "weekly.hero", "1", "2026-01-01 10:00:00+00"]))


def test_sources_of_different_names_are_different_histories(importer: Importer) -> None:
    """Two systems may have decided for the same recipient at the same instant: their names tell them apart."""
    importer.csv("decisions", DECISIONS + rows(1), name="one")
    assert importer.csv("decisions", DECISIONS + rows(1), name="two").written == 1
    assert sorted(importer.lake.read("decisions")["source"]) == ["one", "two"]
    assert len(importer.lake.read("decisions", {"source": "one"})) == 1


@pytest.mark.parametrize("name", ["", "../other", "a b", "x/y", "-"])
def test_names_of_imports_are_fit_for_folders(importer: Importer, name: str) -> None:
    """A name that could leave its folder is refused with one that fits."""
    with pytest.raises(InputError, match="name of an import"):
        importer.csv("decisions", DECISIONS + rows(1), name=name)


def test_events_keep_what_they_bring(importer: Importer) -> None:
    """Known kinds are read in any case, unknown ones kept as unknown; further columns stay as properties."""
    events = "recipient_id,kind,occurred_at,item,url\nr1,Clicked,2026-01-01,i1,/a\nr1,levitated,2026-01-02,,/b\n"
    assert importer.csv("events", events).written == 2
    stored = importer.lake.read("events").sort_values("occurred_at").to_dict("records")
    assert [(one["kind"], one["properties"]) for one in stored] == [
        ("clicked", '{"url":"/a"}'),
        ("unknown", '{"url":"/b","kind":"levitated"}'),
    ]
    assert importer.csv("events", events).unchanged == 2


def test_events_of_one_instant_are_told_apart_by_what_they_say(importer: Importer) -> None:
    """Rows that differ in anything are different events; a row that says the same again is a duplicate."""
    events = (
        "recipient_id,kind,occurred_at,item,url\nr1,clicked,2026-01-01,i1,/a\nr1,clicked,2026-01-01,i1,/b\nr1,clicked,2026-01-01,i1,/a\n"
    )
    report = importer.csv("events", events)
    assert (report.written, dict(report.refused)) == (2, {"duplicate": 1})


def test_purchases_are_stored(importer: Importer) -> None:
    """Amounts, quantities and returns arrive; quantity is 1 where it is not told."""
    purchases = (
        "recipient_id,item,amount,quantity,occurred_at,received_at\nr1,shoe,59.90,,2026-01-01,2026-01-03\nr1,shoe,-59.90,1,2026-01-05,\n"
    )
    assert importer.csv("purchases", purchases).written == 2
    first, second = importer.lake.read("purchases").sort_values("occurred_at").to_dict("records")
    assert (first["amount"], first["quantity"], first["received_at"].day) == (59.9, 1, 3)
    assert (second["amount"], second["received_at"]) == (-59.9, second["occurred_at"])
    assert importer.csv("purchases", purchases).unchanged == 2


def test_a_large_history_is_stored_in_few_files(importer: Importer) -> None:
    """Tens of thousands of decisions make one file, not one per piece of work."""
    content = DECISIONS + "".join(ROW.format(number, number % 2, 0, "") for number in range(60_000))
    report = importer.csv("decisions", content)
    assert (report.written, report.outcomes) == (60_000, 30_000)
    assert len(importer.lake.files("decisions")) == 1
