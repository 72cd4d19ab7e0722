"""Lists of `name=value;` tags, as DKIM and DMARC records are written (RFC 6376 §3.2)."""

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def tags_of(record: str) -> dict[str, str] | None:
    """The tags in their order, names in lower case; None for what is no such list, or names a tag twice."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not _NAME.fullmatch(name) or name in found:
            return None
        found[name] = value.strip()
    return found
