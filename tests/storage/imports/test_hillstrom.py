"""Hillstrom's e-mail experiment, 64,000 customers: imported with two mappings and nothing else."""

import pytest

from domain.recipient import AttributeKind
from tests.published import PUBLISHED, needs_published_data
from tests.storage.imports.importing import Importer

DATA = PUBLISHED / "hillstrom.csv"

RECIPIENTS = """
SELECT 'h' || source_row AS recipient_id, 'h' || source_row || '@hillstrom.example' AS address, true AS consent,
       recency, history_segment, history, mens, womens, zip_code, newbie, channel
FROM source
"""
DECISIONS = """
SELECT 'h' || source_row AS recipient_id, 'hillstrom.hero' AS placement, segment AS variant, 1 / 3 AS propensity,
       TIMESTAMPTZ '2008-03-20 09:00:00+00' AS decided_at, visit AS clicked, conversion AS converted, spend AS revenue, 'USD' AS currency
FROM source
"""


@needs_published_data
def test_hillstrom_is_imported_whole(importer: Importer) -> None:
    """Every customer becomes a recipient and a decision; visits, conversions and spend are those of the file."""
    people = importer.run("recipients", str(DATA), RECIPIENTS)
    history = importer.run("decisions", str(DATA), DECISIONS)
    assert (people.written, dict(people.refused)) == (64_000, {})
    assert (history.written, dict(history.refused)) == (64_000, {})
    decisions, outcomes = importer.lake.read("decisions"), importer.lake.read("outcomes")
    assert decisions["variant"].value_counts().to_dict() == {"Womens E-Mail": 21_387, "Mens E-Mail": 21_307, "No E-Mail": 21_306}
    assert outcomes["kind"].value_counts().to_dict() == {"click": 9_394, "conversion": 578}
    assert outcomes["value"].sum() == pytest.approx(67_258.13, abs=0.01)
    kinds = importer.recipients.attributes()
    assert [name for name, kind in kinds.items() if kind is AttributeKind.NUMERIC] == ["history", "mens", "newbie", "recency", "womens"]
    first = importer.recipients.get("h1")
    assert first is not None
    assert (first.attributes["zip_code"], first.attributes["history"]) == ("Surburban", 142.44)
