"""Settings: the only reader of the environment and of `letterpress.toml`. Everything below is passed what it needs.

Each setting is a field here, the key of the same name in `letterpress.toml`, and the variable LETTERPRESS_<NAME>;
the variable wins. `docs/configuration.md` is made from these fields.
"""

import os
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from domain.errors import InputError
from domain.signal import SessionRule

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
    esp: str = _setting(
        "folder:var/mailbox",
        "Where letters are handed off: folder:PATH, smtp://…, smtps://…, or brevo://, mailgun://, mailjet://, postmark://, resend://, "
        "sendgrid://, ses://, sparkpost://…",
        secret=True,
    )
    public_url: str = _setting("http://127.0.0.1:8085", "Address under which recipients reach `letterpress serve`")
    content_url: str = _setting(
        "", "Folder or fsspec URL (s3://…, gs://…) that published variants are written to, behind a CDN; var/content if empty"
    )
    content_public_url: str = _setting(
        "", "Address under which readers fetch what is published there: the CDN's; public_url and /content if empty"
    )
    content_patience_seconds: int = _setting(
        120, "Seconds for which a published file is fetched through that address, until it counts as failed"
    )
    content_grace_minutes: int = _setting(
        60, "Minutes for which the file of a withdrawn or replaced variant stays, for pages that were loaded before"
    )
    dkim_selectors: str = _setting("", "DKIM selectors that letters are signed with, as s1,s2; those usual with the ESP if empty")
    dns_server: str = _setting("", "Name server for the checks before a send, as ADDRESS or ADDRESS:PORT; the system's if empty")
    secret_key: str = _setting("", "Signs links; var/secret.key is made if empty. Older keys may follow, separated by commas", secret=True)
    campaigns: str = _setting("templates", "Folder of the campaign folders")
    shard_size: int = _setting(25_000, "Recipients per shard: sets the memory of a worker")
    workers: int = _setting(2, "Shards worked on side by side")
    feature_block: int = _setting(250_000, "Recipients whose features are computed in one pass over history: more take more memory")
    feature_threads: int = _setting(2, "Threads that scan history when a block of shards gets its features")
    feature_memory_mb: int = _setting(400, "Memory (MB) that such a scan may hold; features come on top, some 300 bytes a recipient")
    esp_rate: int = _setting(0, "Letters per second that the ESP's account allows, over all processes; 0: found out by what it takes")
    handoff_connections: int = _setting(0, "Connections to the ESP per shard; 0: as serves it well")
    handoff_batch: int = _setting(0, "Letters claimed in one transaction; 0: as serves the ESP well, about one call's worth")
    handoff_rounds: int = _setting(
        6, "Rounds in a row in which the ESP takes nothing before the send pauses; waits double; five times as many while it throttles"
    )
    settle_seconds: int = _setting(120, "Seconds for which the hand-off waits for a database or Redis that went away, to lose no answer")
    label_settle_minutes: int = _setting(10, "Minutes until a click is known well enough to be learned from: scanners give themselves away")
    labels_close_days: int = _setting(3, "Days after the end of its attribution window until the labels of a send change no more")
    decision_ttl_hours: int = _setting(24 * 8, "Hours until a published decision is stale")
    write_keys: str = _setting("", "Keys that sites send events with, as SOURCE:KEY, separated by commas", secret=True)
    events_per_key: int = _setting(5_000, "Events per second, over a minute, that one write key may send; 0: as many as come")
    events_per_network: int = _setting(500, "Those that it may send from one network (/24 or /48); 0: as many as come")
    signal_partitions: int = _setting(8, "Streams that signals of visitors are spread over: as many consumers can share them at most")
    signals_waiting: int = _setting(100_000, "Signals that one such stream holds at most while nobody reads it; the oldest fall out")
    session_idle_minutes: int = _setting(30, "Minutes without an act on the site, after which a session is over")
    session_half_life_minutes: int = _setting(10, "Minutes after which an act says half as much of what a visitor is after")
    session_threshold_percent: int = _setting(
        25, "By how many points a category's share in a session must move until placements are decided again without a search or a cart"
    )
    placement_keys: str = _setting(
        "", "Keys with which servers, never pages, ask for placements by recipient id, as NAME:KEY, separated by commas", secret=True
    )
    placement_origins: str = _setting(
        "", "Sites whose pages may ask for placements, such as https://shop.example, separated by commas; * for all; none if empty"
    )
    placements_per_network: int = _setting(
        200, "Requests for placements per second, over a minute, from one network (/24 or /48); 0: as many as come"
    )
    read_budget_ms: int = _setting(10, "Milliseconds that a page waits for the decision store before it gets the default")
    serving_p99_ms: int = _setting(5, "99th percentile of answers for placements, in milliseconds, above which there is an alarm; 0: never")
    webhooks: str = _setting("", "Accounts with ESPs whose webhooks are taken, as NAME=PROVIDER:SECRET, separated by commas", secret=True)
    soft_bounces: int = _setting(3, "Letters in a row, within 60 days, that bounced softly until an address is suppressed; 0: never")
    collect_since: str = _setting("", "Events that occurred before this instant stay out of the lake: what was imported covers them")
    collect_settle_minutes: int = _setting(30, "Minutes after the end of a day (UTC) until its events are collected into the lake")
    raw_days: int = _setting(90, "Days until raw payloads of events and webhooks are deleted; what was read from them stays")
    refreshed_days: int = _setting(
        7, "Days for which all that a refresh decided is kept; what people saw of it stays. Events of pages count within these days"
    )
    unknown_days: int = _setting(30, "Days until events of visitors whom nobody could identify are deleted")
    notify_url: str = _setting("", "Where a POST tells that a send has paused itself; nobody if empty", secret=True)
    notify_secret: str = _setting("", "Signs those POSTs (Letterpress-Signature)", secret=True)
    notify_email: str = _setting("", "Who gets a mail when a send has paused itself; nobody if empty")
    metrics_token: str = _setting("", "Who may read /metrics, as a bearer token; requests from this machine alone if empty", secret=True)
    log_format: str = _setting("text", "How `letterpress serve` logs: text, or json for one JSON object per line")
    prefect_port: int = _setting(4200, "Port of the embedded Prefect server, on loopback")
    web_host: str = _setting("127.0.0.1", "Address `letterpress serve` listens on")
    web_port: int = _setting(8085, "Port `letterpress serve` listens on")

    @property
    def var(self) -> Path:
        """Everything that running writes."""
        return self.home / "var"

    @property
    def content_place(self) -> str:
        """Folder or URL that published variants are written to."""
        if not self.content_url:
            return str(self.var / "content")
        is_path = "://" not in self.content_url and "::" not in self.content_url
        return str(self.home / self.content_url) if is_path else self.content_url

    @property
    def content_folder(self) -> Path | None:
        """That folder; None if it is not on this machine."""
        return Path(self.content_place.removeprefix("file://")) if "://" not in self.content_place.removeprefix("file://") else None

    @property
    def content_address(self) -> str:
        """Address under which readers fetch what is published, without a slash at its end."""
        return (self.content_public_url or f"{self.public_url.rstrip('/')}/content").rstrip("/")

    @property
    def session_rule(self) -> SessionRule:
        """What counts as one session. Models keep the rule that they were trained by."""
        idle, half_life = timedelta(minutes=self.session_idle_minutes), timedelta(minutes=self.session_half_life_minutes)
        return SessionRule(idle=idle, half_life=half_life)

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
