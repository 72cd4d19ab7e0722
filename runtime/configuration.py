"""docs/configuration.md, made from the fields of Settings. `python -m runtime.configuration` writes it."""

from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from runtime.settings import PREFIX, Settings

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "configuration.md"

_TEXT = """\
# Configuration

<!-- Made by `python -m runtime.configuration` from runtime/settings.py; edit that. -->

Letterpress runs without any of these. A setting is a key of `letterpress.toml` in the home folder, or the environment variable of
its name; the variable wins. `letterpress init FOLDER` lays down a `letterpress.toml` with each of them explained and commented out. A
key that does not exist, or a value of the wrong kind, is refused with the name of the file or the variable.

| key | variable | default | |
|---|---|---|---|
{rows}

**secret**: may hold a password or a key. It is left out wherever settings are printed; give it as a variable, or keep
`letterpress.toml` out of version control (`letterpress init` writes a `.gitignore` that does).

`LETTERPRESS_HOME` cannot be a key of the file that lies in it. Relative paths begin at it. Of campaigns, `campaign.yaml` speaks
([content](content.md)); addresses of ESPs are explained in [folder](esp/folder.md),
[smtp](esp/smtp.md) and [http](esp/http.md).

## An example

```toml
# letterpress.toml: a list of a million, PostgreSQL, and a relay. Passwords come as variables:
#   LETTERPRESS_DATABASE_URL=postgresql://letterpress:…@db.internal/letterpress
#   LETTERPRESS_ESP=smtp://letterpress:…@relay.internal:587/?starttls=require
#   LETTERPRESS_SECRET_KEY=…
lake_url = "/srv/letterpress/lake"
redis_url = "redis://redis.internal:6379/0"
public_url = "https://letters.example.com"
shard_size = 50000
workers = 4
handoff_connections = 8
```
"""


def document() -> str:
    """The text of docs/configuration.md."""
    return _TEXT.format(rows="\n".join(_rows()))


def _rows() -> Iterator[str]:
    for field in fields(Settings):
        meaning = field.metadata["doc"] + (" (**secret**)" if field.metadata["secret"] else "")
        key = "" if field.name == "home" else f"`{field.name}`"
        yield f"| {key} | `{PREFIX}{field.name.upper()}` | {_default(field)} | {meaning} |"


def _default(field: Field[Any]) -> str:
    if field.name == "home":
        return "the working folder"
    return f"`{field.default}`" if field.default != "" else "empty"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
