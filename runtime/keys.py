"""The keys that links are signed with: from the settings, or made once and kept under var/."""

import hashlib
import secrets
from pathlib import Path

from runtime.settings import Settings


def signing_keys(settings: Settings) -> dict[str, bytes]:
    """Key id → key, the current one first. Older keys still read the links of letters that are already out."""
    texts = [text.strip() for text in settings.secret_key.split(",") if text.strip()]
    return {_key_id(text): hashlib.sha256(text.encode()).digest() for text in texts or [_kept(settings.var / "secret.key")]}


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
