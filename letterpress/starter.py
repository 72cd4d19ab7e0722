"""What `letterpress init` lays down: the starter campaigns, schemas, schedules, settings to edit, and what git should not keep."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import letterpress
from delivery.file_models import schemas
from domain.errors import InputError
from runtime.settings import Settings

_CHECKOUT = Path(letterpress.__file__).resolve().parents[1]
_STARTERS = ("weekly", "web")  # a letter, and the pages of the same shop
_GITIGNORE = "# what running writes, and settings that hold secrets\nvar/\nletterpress.toml\n"
_SCHEMAS_HERE, _SCHEMAS_THERE = "../../docs/schema/", "../../schema/"


def lay_down(folder: Path) -> tuple[Path, ...]:
    """Write a new home into `folder`. Raises InputError, and writes nothing, when a file of it is there already."""
    files = {folder / name: content for name, content in _files().items()}
    if there := [path for path in files if path.exists()]:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise InputError(f"{there[0]} is there already{more}; nothing was written", hint="choose another folder, or move them away")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tuple(files)


def _files() -> Mapping[str, bytes]:
    """Everything there is to write, by path within the new home."""
    campaigns = {name: content for starter in _STARTERS for name, content in _campaign(starter)}
    schedules = (_CHECKOUT / "prefect.yaml").read_bytes()
    schema_files = {f"schema/{name}": text.encode() for name, text in schemas().items()}
    return {
        "letterpress.toml": settings_file().encode(),
        ".gitignore": _GITIGNORE.encode(),
        "prefect.yaml": schedules,
        **schema_files,
        **campaigns,
    }


def _campaign(name: str) -> Iterator[tuple[str, bytes]]:
    """The files of a starter campaign, which name the schemas as they stand in the new home."""
    folder = _CHECKOUT / "templates" / name
    if not folder.is_dir():
        raise InputError(f"the starter campaign is not at {folder}", hint="install from a checkout: pip install -e .")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            content = path.read_bytes().replace(_SCHEMAS_HERE.encode(), _SCHEMAS_THERE.encode())
            yield f"templates/{name}/{path.relative_to(folder).as_posix()}", content


def settings_file() -> str:
    """letterpress.toml with every setting explained and left at its default."""
    lines = ["# Letterpress: settings of this folder. Each can also be given as the environment variable LETTERPRESS_<NAME>.", ""]
    for field in fields(Settings):
        if "doc" in field.metadata and field.name != "home":
            value = f'"{field.default}"' if isinstance(field.default, str) else str(field.default)
            lines += [f"# {field.metadata['doc']}", f"# {field.name} = {value}", ""]
    return "\n".join(lines)
