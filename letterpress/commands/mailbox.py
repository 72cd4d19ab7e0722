"""`letterpress mailbox`: look at the letters that were handed off into a folder."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from delivery.esp import build_esp
from delivery.esp.folder import Folder
from delivery.esp.folder_layout import envelope, matching, newest, read
from delivery.esp.folder_view import Listed, index_page, letter_page
from domain.errors import InputError, UnavailableError
from letterpress.output import emit
from runtime.settings import load_settings

_VIEWS = "views"


@dataclass(frozen=True, slots=True)
class MailboxView:
    """What was listed, and the page to open."""

    folder: str
    page: str
    letters: list[Listed]


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(mailbox)


def mailbox(
    which: Annotated[
        str | None, typer.Argument(metavar="LETTER", help="A message id or its beginning, or an address; the newest if left out")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="The folder; that of LETTERPRESS_ESP if left out")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many letters to list")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """List letters that were handed off into a folder, and write pages to look at them in a browser."""
    root = folder.resolve() if folder else _folder()
    paths = matching(root, which)[:limit] if which else newest(root, limit)
    if not paths:
        raise InputError("there is no such letter" if which else "there is no letter yet", where=str(root))
    seen = _shown(root, paths)
    emit(seen, as_json=as_json, text=lambda: _table(seen))


def _folder() -> Path:
    settings = load_settings()
    esp = build_esp(settings.esp, home=settings.home)
    if not isinstance(esp, Folder):
        raise InputError("letters are not handed off into a folder", where="LETTERPRESS_ESP", hint="name one with --folder")
    return esp.root


def _shown(root: Path, paths: list[Path]) -> MailboxView:
    """Write a page per letter and the list. One letter alone is its own page to open."""
    listed = [_listed(root, path) for path in paths]
    index = root / "index.html"
    try:
        (root / _VIEWS).mkdir(exist_ok=True)
        for path, one in zip(paths, listed, strict=True):
            (root / one.view).write_text(letter_page(read(path)), encoding="utf-8", errors="replace")
        index.write_text(index_page("Letters", listed), encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnavailableError(f"the pages cannot be written: {error.strerror}", where=str(root)) from None
    return MailboxView(str(root), str(index if len(listed) > 1 else root / listed[0].view), listed)


def _listed(root: Path, path: Path) -> Listed:
    headers = envelope(path)
    return Listed(
        message_id=path.stem,
        arrived_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        to=str(headers["To"] or ""),
        subject=str(headers["Subject"] or "(no subject)"),
        view=f"{_VIEWS}/{path.stem}.html",
        file=str(path.relative_to(root)),
    )


def _table(seen: MailboxView) -> Table:
    table = Table(
        title=f"{seen.folder}", caption=f"open {seen.page}", box=None, header_style="bold", title_justify="left", caption_justify="left"
    )
    for name in ("arrived (UTC)", "message", "to", "subject"):
        table.add_column(name, overflow="fold")
    for one in seen.letters:
        table.add_row(f"{one.arrived_at:%Y-%m-%d %H:%M:%S}", one.message_id[:12], _plain(one.to), _plain(one.subject))
    return table


def _plain(text: str) -> str:
    """Text that came from outside: shown as it is, not read as markup."""
    return text.replace("[", r"\[")
