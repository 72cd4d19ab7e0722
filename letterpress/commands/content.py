"""`letterpress init`, `validate`, `preview` and `schema`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.errors import InputError
from letterpress.output import console, emit
from runtime.settings import load_settings

if TYPE_CHECKING:
    from letterpress.checking import Checked
    from letterpress.page_preview import ShownPage
    from letterpress.previewing import Shown

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(init)
    app.command()(validate)
    app.command()(preview)
    app.command()(schema)


def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder")], as_json: JSON = False) -> None:
    """Make a home for campaigns: a starter newsletter and home page, settings to edit, JSON Schemas for editors. Overwrites nothing."""
    from letterpress.starter import lay_down

    written = lay_down(folder)
    steps = f"cd {folder}\nletterpress validate\nletterpress preview weekly --png letter.png"
    result = {"folder": str(folder), "files": [str(path) for path in written]}
    emit(result, as_json=as_json, text=lambda: f"{len(written)} files in {folder}. Next:\n{steps}")


def validate(
    campaigns: Annotated[list[str] | None, typer.Argument(help="Names or folders; all campaigns if left out")] = None,
    as_json: JSON = False,
) -> None:
    """Find every mistake in campaigns, with file and line. Needs no database; with one, names of columns are checked too."""
    from letterpress.checking import check

    found = check(load_settings(), campaigns or [])
    if as_json:
        emit(found, as_json=True, text=str)
    else:  # a mistake is one line, however wide the terminal: editors follow file:line
        notes = [f"note: {note}" for note in found.notes]
        console.print("\n".join((*map(str, found.mistakes), *notes, _verdict(found))), markup=False, soft_wrap=True)
    if found.mistakes:
        raise typer.Exit(2)


def _verdict(found: "Checked") -> str:
    names, count = ", ".join(found.campaigns), len(found.mistakes)
    doubt = "" if found.columns_known else "\nno recipients yet: columns were not checked, and expressions for their syntax only"
    return f"{names}: {count or 'no'} mistake{'s' * (count != 1)}{doubt}"


def preview(
    campaign: Annotated[str, typer.Argument(help="A campaign's name or folder")],
    *,
    who: Annotated[str | None, typer.Option("--as", metavar="RECIPIENT", help="An id or address; nobody in particular if left out")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="hero=NAME, or story=NAME,NAME,NAME; may be repeated")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the HTML to this file")] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture to this file (needs Chromium)")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the plain text")] = False,
    width: Annotated[int | None, typer.Option(min=240, max=2000, help="Width of the picture in pixels; 600, or 1080 for pages")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="The picture as a device set to dark shows it")] = False,
    web: Annotated[
        bool, typer.Option("--web", help="What pages show of it, instead of its letter; campaigns on pages have no other")
    ] = False,
    as_json: JSON = False,
) -> None:
    """Print one recipient's letter, or the fragments pages show them. Links lead straight to their destinations; nothing is counted."""
    from delivery.campaign_file import placements_in
    from delivery.campaign_folder import read_folder
    from domain.campaign import PlacementKind
    from letterpress import page_preview, previewing
    from letterpress.checking import folder_of
    from runtime.clock import now
    from runtime.house import open_house

    settings = load_settings()
    folder, asked = folder_of(settings, campaign), variant or []
    house, files = open_house(settings) if who else None, _Files(html, png, dark)
    placements = placements_in(read_folder(folder))
    if web or (placements and all(one.kind is PlacementKind.WEB for one in placements)):
        if text:
            raise InputError("pages have no plain text", where="--text", hint="leave it out")
        page = page_preview.preview_page(settings, folder, house, who=who, asked=asked, at=now())
        files.write(page.html, width or page_preview.WIDTH)
        emit(page, as_json=as_json, text=lambda: "\n".join([*_choices(page), *files.written]))
        return
    shown = previewing.preview(settings, folder, house, who=who, asked=asked, at=now())
    files.write(shown.letter.html, width or 600)
    emit(shown, as_json=as_json, text=lambda: "\n".join([*_lines(shown), *files.written, *(["", shown.letter.text] if text else [])]))


@dataclass(frozen=True, slots=True)
class _Files:
    """What a preview is written to. `dark`: the picture as a device set to dark shows it."""

    html: Path | None
    png: Path | None
    dark: bool

    @property
    def written(self) -> list[str]:
        return [f"wrote {file}" for file in (self.html, self.png) if file]

    def write(self, document: str, width: int) -> None:
        from delivery.picture import View, picture_of

        if self.html:
            self.html.write_text(document, encoding="utf-8")
        if self.png:
            self.png.write_bytes(picture_of(document, View(width, self.dark)))


def _choices(shown: "Shown | ShownPage") -> list[str]:
    return [f"{placement}: {', '.join(chosen)} ({shown.origin[placement]})" for placement, chosen in shown.variants.items()]


def _lines(shown: "Shown") -> list[str]:
    return [f"subject: {shown.letter.subject}", f"preheader: {shown.letter.preheader}", *_choices(shown)]


def schema(out: Annotated[Path, typer.Option(help="Folder to write them into")] = Path("schema"), as_json: JSON = False) -> None:
    """Write the JSON Schemas of campaign.yaml and of variants' front matter, for editors to complete from."""
    from delivery.file_models import schemas

    out.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (out / name).write_text(text, encoding="utf-8")
    emit({"files": [str(out / name) for name in schemas()]}, as_json=as_json, text=lambda: "\n".join(str(out / name) for name in schemas()))
