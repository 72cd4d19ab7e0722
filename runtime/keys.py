"""Keys: those that links are signed with, from the settings or made once and kept under var/; and those that events are sent with."""

import hashlib
import secrets
from pathlib import Path

from domain.errors import InputError
from runtime.settings import Settings

_SHORTEST = 8  # characters of a write key, which pages show anyway
_SHORTEST_SECRET = 20  # of a key that opens anybody's placements


def signing_keys(settings: Settings) -> dict[str, bytes]:
    """Key id → key, the current one first. Older keys still read the links of letters that are already out."""
    texts = [text.strip() for text in settings.secret_key.split(",") if text.strip()]
    return {_key_id(text): hashlib.sha256(text.encode()).digest() for text in texts or [_kept(settings.var / "secret.key")]}


def write_keys(settings: Settings) -> dict[str, str]:
    """Write key → the source that events sent with it are of. Several keys of one source hold at once, so that keys can be changed."""
    return _named(settings.write_keys, _SHORTEST, "write_keys", "a write key is missing its source, or is shorter than 8 characters")


def placement_keys(settings: Settings) -> dict[str, str]:
    """Key → the server that asks for placements with it, by recipient id."""
    fault = "a server's key is missing its name, or is shorter than 20 characters"
    return _named(settings.placement_keys, _SHORTEST_SECRET, "placement_keys", fault)


def _named(setting: str, shortest: int, where: str, fault: str) -> dict[str, str]:
    """NAME:KEY, separated by commas, as key → name."""
    texts = [text.strip() for text in setting.split(",") if text.strip()]
    keys = {key: name for name, _, key in (text.rpartition(":") for text in texts)}
    if any(len(key) < shortest or not name.replace("-", "").replace("_", "").isalnum() for key, name in keys.items()):
        raise InputError(fault, where=where, hint="such as shop:aLongKey,app:another")
    return keys


def _key_id(text: str) -> str:
    """Names a key without telling it: stands in tokens and in the database."""
    return hashlib.sha256(b"letterpress key id\x00" + text.encode()).hexdigest()[:8]


def _kept(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(fresh)  # of several first starts one wins, and all read the winner's key
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
