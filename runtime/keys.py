"""Keys: those that links are signed with, from the settings or made once and kept under var/; and those that events are sent with."""

import hashlib
import secrets
from pathlib import Path

from domain.errors import InputError
from runtime.settings import Settings

_SHORTEST = 8  # characters of a write key


def signing_keys(settings: Settings) -> dict[str, bytes]:
    """Key id → key, the current one first. Older keys still read the links of letters that are already out."""
    texts = [text.strip() for text in settings.secret_key.split(",") if text.strip()]
    return {_key_id(text): hashlib.sha256(text.encode()).digest() for text in texts or [_kept(settings.var / "secret.key")]}


def write_keys(settings: Settings) -> dict[str, str]:
    """Write key → the source that events sent with it are of. Several keys of one source hold at once, so that keys can be changed."""
    texts = [text.strip() for text in settings.write_keys.split(",") if text.strip()]
    keys = {key: source for source, _, key in (text.rpartition(":") for text in texts)}
    if any(len(key) < _SHORTEST or not source.replace("-", "").replace("_", "").isalnum() for key, source in keys.items()):
        hint = "such as shop:aLongKey,app:another"
        raise InputError("a write key is missing its source, or is shorter than 8 characters", where="write_keys", hint=hint)
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
