"""How commands answer: for people as text, for programs as one JSON document on standard output."""

import dataclasses
import sys
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def to_json(result: object) -> str:
    """The result as indented JSON; dataclasses with their properties, enums, datetimes, paths and numpy values included."""
    options = (
        orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z
    )
    return orjson.dumps(result, default=_plain, option=options).decode()


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        names += [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        return {name: getattr(value, name) for name in names}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)


def emit(result: Any, *, as_json: bool, text: Callable[[], object]) -> None:
    """Print the result once: as JSON, or as what `text` returns (a string or a rich renderable)."""
    if as_json:
        sys.stdout.write(to_json(result) + "\n")
        return
    said = text()
    if isinstance(said, str):
        console.print(said, markup=False, soft_wrap=True)
    else:
        console.print(said)


def progress() -> Progress:
    """A progress display on standard error, so that standard output stays clean; silent where nobody watches."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
