"""`letterpress token`: what it prints opens placements, and nothing prints a token for an address."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from delivery.recipient_tokens import RecipientTokens
from domain.errors import InputError
from letterpress.main import app
from runtime.keys import signing_keys
from runtime.settings import load_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation of its own."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(tmp_path))


def said(*arguments: str) -> str:
    """What the command prints."""
    done = CliRunner().invoke(app, ["token", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.strip()


def test_a_token_is_read_by_this_installation() -> None:
    """As text and as JSON."""
    tokens = RecipientTokens(signing_keys(load_settings()))
    assert tokens.read(said("c1001"))[0] == "c1001"
    told = json.loads(said("c1001", "--hours", "2", "--json"))
    assert (told["recipient"], tokens.read(told["token"])[0]) == ("c1001", "c1001")


def test_the_sites_key_is_printed() -> None:
    """Id and key, as the recipes take them."""
    key = RecipientTokens(signing_keys(load_settings())).site_key
    assert said("--key") == f"{key.key_id}:{key.key}"


@pytest.mark.parametrize("arguments", [[], ["ann@example.org"]])
def test_what_makes_no_token_is_the_users_mistake(arguments: list[str]) -> None:
    """Nobody, or an address."""
    with pytest.raises(InputError):
        CliRunner().invoke(app, ["token", *arguments], catch_exceptions=False)
