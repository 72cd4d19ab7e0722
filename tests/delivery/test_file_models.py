"""The published JSON Schemas."""

import json
from pathlib import Path

import jsonschema
import pytest

from delivery.file_models import schemas
from delivery.yaml_lines import load
from tests.delivery.campaigns import CAMPAIGN, STARTER

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "schema"


def test_the_published_schemas_are_current() -> None:
    """docs/schema is what the models say; `letterpress schema --out docs/schema` writes it."""
    assert {path.name: path.read_text() for path in PUBLISHED.glob("*.json")} == schemas()


@pytest.mark.parametrize("name", sorted(schemas()))
def test_each_schema_is_a_schema(name: str) -> None:
    """Editors can read them."""
    jsonschema.Draft202012Validator.check_schema(json.loads(schemas()[name]))


@pytest.mark.parametrize("text", [(STARTER / "campaign.yaml").read_text(), CAMPAIGN + "quiet_hours: {start: 21:00, end: 07:00}\n"])
def test_campaigns_we_read_are_valid_by_the_schema(text: str) -> None:
    """An editor does not complain of what we accept."""
    checker = jsonschema.Draft202012Validator(json.loads(schemas()["campaign.schema.json"]), format_checker=jsonschema.FormatChecker())
    assert [error.message for error in checker.iter_errors(load(text, "f").values)] == []


def test_the_schema_refuses_what_we_refuse() -> None:
    """An editor underlines an unknown key."""
    checker = jsonschema.Draft202012Validator(json.loads(schemas()["campaign.schema.json"]))
    assert not checker.is_valid(load(CAMPAIGN + "gaol: click\n", "f").values)


def test_every_key_is_described() -> None:
    """Whoever completes a key reads what it does, nested ones included."""
    schema = json.loads(schemas()["campaign.schema.json"])
    nodes = [schema, *(node for node in schema["$defs"].values() if "properties" in node)]
    bare = [name for node in nodes for name, field in node["properties"].items() if "description" not in field]
    assert bare == []
