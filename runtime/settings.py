"""Settings: the only reader of the environment and of `letterpress.toml`. Everything below is passed what it needs.

Each setting is a field here, the key of the same name in `letterpress.toml`, and the variable LETTERPRESS_<NAME>;
the variable wins. `docs/configuration.md` is made from these fields.
"""

import os
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from domain.errors import InputError

PREFIX = "LETTERPRESS_"


def _setting(default: Any, doc: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc, "secret": secret}, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be configured. Paths are resolved against `home`; URLs are used as they are."""

    home: Path = _setting(Path(), "Folder that holds letterpress.toml, templates/ and var/")
    database_url: str = _setting("", "SQLAlchemy URL; SQLite under var/ if empty", secret=True)
    lake_url: str = _setting("", "Folder or fsspec URL of the Parquet lake; var/lake if empty")
    redis_url: str = _setting("", "Redis URL; the embedded server under var/ if empty", secret=True)
    esp: str = _setting("folder:var/mailbox", "Where letters are handed off: folder:PATH, smtp://… or smtps://…", secret=True)
    public_url: str = _setting("http://127.0.0.1:8085", "Address under which recipients reach `letterpress serve`")
    secret_key: str = _setting("", "Signs links; var/secret.key is made if empty. Older keys may follow, separated by commas", secret=True)
    campaigns: str = _setting("templates", "Folder of the campaign folders")
    shard_size: int = _setting(25_000, "Recipients per shard: sets the memory of a worker")
    workers: int = _setting(2, "Shards worked on side by side")
    feature_block: int = _setting(250_000, "Recipients whose features are computed in one pass over history: more take more memory")
    feature_threads: int = _setting(2, "Threads that scan history when a block of shards gets its features")
    feature_memory_mb: int = _setting(400, "Memory (MB) that such a scan may hold; features come on top, some 300 bytes a recipient")
    handoff_connections: int = _setting(4, "Connections to the ESP per shard")
    handoff_batch: int = _setting(50, "Messages claimed in one transaction")
    handoff_rounds: int = _setting(6, "Rounds in a row in which the ESP takes nothing before the send pauses; waits double")
    settle_seconds: int = _setting(120, "Seconds for which the hand-off waits for a database that went away, so that no answer is lost")
    decision_ttl_hours: int = _setting(24 * 8, "Hours until a published decision is stale")
    prefect_port: int = _setting(4200, "Port of the embedded Prefect server, on loopback")
    web_host: str = _setting("127.0.0.1", "Address `letterpress serve` listens on")
    web_port: int = _setting(8085, "Port `letterpress serve` listens on")

    @property
    def var(self) -> Path:
        """Everything that running writes."""
        return self.home / "var"

    @property
    def campaigns_folder(self) -> Path:
        """The folder of the campaign folders."""
        return self.home / self.campaigns


def load_settings(home: Path | None = None) -> Settings:
    """Read `letterpress.toml` under `home` (LETTERPRESS_HOME, else the working folder), then the environment.

    Raises InputError for an unknown key or a value of the wrong type, naming the file or the variable.
    """
    folder = (home or Path(os.environ.get(PREFIX + "HOME", "."))).resolve()
    values: dict[str, Any] = {"home": folder}
    values |= _from_file(folder / "letterpress.toml")
    values |= _from_environment()
    return Settings(**values)


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid TOML: {error}", where=str(path)) from None
    known = _known()
    if unknown := sorted(set(found) - set(known)):
        raise InputError(f"unknown setting {unknown[0]!r}", where=str(path), hint="known: " + ", ".join(sorted(known)))
    return {name: _typed(name, value, where=str(path)) for name, value in found.items()}


def _from_environment() -> dict[str, Any]:
    present = {name: os.environ[PREFIX + name.upper()] for name in _known() if os.environ.get(PREFIX + name.upper())}
    return {name: _typed(name, text, where=PREFIX + name.upper()) for name, text in present.items()}


def _typed(name: str, value: object, *, where: str) -> object:
    kind = type(_known()[name])
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} takes {'a whole number' if kind is int else 'text'}, not {value!r}", where=where) from None


def _known() -> dict[str, Any]:
    return {f.name: f.default for f in fields(Settings) if f.name != "home" and f.default is not MISSING}
