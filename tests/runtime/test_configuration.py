"""docs/configuration.md says what runtime/settings.py reads."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from runtime.configuration import DOCUMENT, document
from runtime.settings import Settings, load_settings


def test_the_document_is_current() -> None:
    """The page is what the settings make of it; `python -m runtime.configuration` writes it anew."""
    assert DOCUMENT.read_text() == document()


def test_every_setting_has_a_row_and_secrets_are_marked() -> None:
    """One row per setting, named as the variable is; those that may hold a password say so."""
    rows = {match[1]: match[0] for match in re.finditer(r"^\|.*`LETTERPRESS_(\w+)`.*\|$", document(), re.MULTILINE)}
    assert list(rows) == [field.name.upper() for field in fields(Settings)]
    assert {name.lower() for name, row in rows.items() if "**secret**" in row} == {f.name for f in fields(Settings) if not f.repr}


def test_the_example_can_be_loaded(tmp_path: Path) -> None:
    """The example file is read without complaint, and each of its keys arrives."""
    example = document().partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "letterpress.toml").write_text(example)
    settings = load_settings(tmp_path)
    assert {name: getattr(settings, name) for name in tomllib.loads(example)} == tomllib.loads(example)
