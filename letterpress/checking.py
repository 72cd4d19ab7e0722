"""`letterpress validate`: every mistake in the campaigns, with file and line, with or without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from audience.expressions import parse
from delivery.compile import check_campaign
from delivery.sources import Written, written_expressions
from domain.errors import InputError, InvalidInput, LetterpressError, Mistake
from domain.recipient import STANDARD_COLUMNS, AttributeKind
from letterpress.campaign_notes import campaign_notes
from runtime.serving import database_url_of
from runtime.settings import Settings
from storage.database import Database
from storage.recipients import Recipients

Attributes = Mapping[str, AttributeKind]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found. `columns_known` False: there was no database, so names of columns were not checked.

    `notes`: no mistakes, and worth knowing before the next send: what the holdout cannot show, which variants are retired.
    """

    campaigns: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    columns_known: bool
    notes: tuple[str, ...] = ()


def check(settings: Settings, names: Sequence[str]) -> Checked:
    """Check these campaigns (all, if none is named). Raises InputError for one that is not there."""
    folders = [folder_of(settings, name) for name in names] or campaign_folders(settings)
    attributes = attributes_of(settings)
    mistakes = [mistake for folder in folders for mistake in _mistakes(folder, attributes)]
    notes = campaign_notes(settings, folders) if attributes is not None and not mistakes else ()
    return Checked(tuple(folder.name for folder in folders), tuple(mistakes), attributes is not None, tuple(notes))


def campaign_folders(settings: Settings) -> list[Path]:
    """The folders of all campaigns. Raises InputError when there are none."""
    found = sorted(path.parent for path in settings.campaigns_folder.glob("*/campaign.yaml"))
    if not found:
        raise InputError(f"there is no campaign in {settings.campaigns_folder}", hint="`letterpress init .` makes one to begin from")
    return [_shown(folder) for folder in found]


def folder_of(settings: Settings, name: str) -> Path:
    """The folder of a campaign, by its name or its path. Raises InputError with those there are."""
    for folder in (settings.campaigns_folder / name, Path(name)):
        if folder.is_dir():
            return _shown(folder)
    there = ", ".join(path.name for path in campaign_folders(settings))
    raise InputError(f"there is no campaign {name!r} in {settings.campaigns_folder}", hint=f"there: {there}")


def columns_of(attributes: Attributes | None) -> tuple[str, ...] | None:
    """What `recipient` has in a template; None when nobody knows."""
    return None if attributes is None else (*STANDARD_COLUMNS, *attributes)


def attributes_of(settings: Settings) -> Attributes | None:
    """The declared attributes; None where there is no database yet, or it does not answer. Writes nothing."""
    url = database_url_of(settings)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    try:
        database = Database(url)
        database.check()
        return Recipients(database).attributes() or None
    except LetterpressError:
        return None


def _mistakes(folder: Path, attributes: Attributes | None) -> list[Mistake]:
    found = check_campaign(folder, columns_of(attributes))
    for written in written_expressions(folder):
        found += _expression_mistakes(written, attributes)
    return sorted(set(found), key=lambda m: (m.file or "", m.line or 0))


def _expression_mistakes(written: Written, attributes: Attributes | None) -> list[Mistake]:
    """With known columns everything the audience room checks; without, whether it is one condition at all."""
    try:
        if attributes is not None:
            parse(written.text, attributes, written.file, written.line)
        else:
            parse_one(written.text, dialect="duckdb", into=exp.Condition)
    except InvalidInput as error:
        return list(error.mistakes)
    except SqlglotError:
        return [Mistake("not one SQL condition", written.file, written.line, "such as country = 'DE' AND orders > 2")]
    return []


def _shown(folder: Path) -> Path:
    """The folder as seen from the working folder, where it is below it: messages are shorter, and editors can follow them."""
    here = Path.cwd()
    return folder.resolve().relative_to(here) if folder.resolve().is_relative_to(here) else folder
