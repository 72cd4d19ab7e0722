"""Settings come from one file and the environment, and say what is wrong with them."""

from pathlib import Path

import pytest

from domain.errors import InputError
from runtime.keys import signing_keys
from runtime.settings import PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own LETTERPRESS_* variables do not reach these tests."""
    import os

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable overrides the key of the same name; what neither sets has its default."""
    (tmp_path / "letterpress.toml").write_text("shard_size = 10\nworkers = 3\n")
    monkeypatch.setenv("LETTERPRESS_SHARD_SIZE", "20")
    settings = load_settings(tmp_path)
    assert (settings.shard_size, settings.workers, settings.web_port) == (20, 3, 8085)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("shard_sise = 1", "unknown setting 'shard_sise'"),
        ("shard_size = 'many'", "takes a whole number"),
        ("shard_size = = 1", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_told_with_its_path(tmp_path: Path, text: str, told: str) -> None:
    """Unknown keys, wrong types and broken TOML are the user's mistakes, with the file's name."""
    (tmp_path / "letterpress.toml").write_text(text)
    with pytest.raises(InputError, match=told) as error:
        load_settings(tmp_path)
    assert "letterpress.toml" in str(error.value) and error.value.exit_code == 2


def test_a_wrong_variable_is_told_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the wrong type names itself."""
    monkeypatch.setenv("LETTERPRESS_WORKERS", "two")
    with pytest.raises(InputError, match="LETTERPRESS_WORKERS"):
        load_settings(tmp_path)


def test_secrets_stay_out_of_what_is_printed() -> None:
    """The settings' own text shows neither URLs with passwords nor the signing key."""
    shown = repr(Settings(esp="smtp://u:hush@h", database_url="postgresql://u:hush@h/d", secret_key="hush"))
    assert "hush" not in shown


def test_the_signing_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """Two starts without a configured key sign alike, with a key that only the owner can read."""
    settings = load_settings(tmp_path)
    assert signing_keys(settings) == signing_keys(settings)
    assert (tmp_path / "var" / "secret.key").stat().st_mode & 0o077 == 0


def test_older_keys_still_read(tmp_path: Path) -> None:
    """Keys after the first one are kept for reading; the first one signs."""
    old = signing_keys(Settings(home=tmp_path, secret_key="old"))
    both = signing_keys(Settings(home=tmp_path, secret_key="new,old"))
    assert list(both)[1:] == list(old) and both[next(iter(old))] == old[next(iter(old))]
