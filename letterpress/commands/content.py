"""`letterpress init`, `validate`, `preview` and `schema`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.output import console, emit
from runtime.settings import load_settings

if TYPE_CHECKING:
    from letterpress.checking import Checked
    from letterpress.previewing import Shown

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(init)
    app.command()(validate)
    app.command()(preview)
    app.command()(schema)


def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder")], as_json: JSON = False) -> None:
    """Make a home for campaigns: a starter newsletter, settings to edit, JSON Schemas for editors. Overwrites nothing."""
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
    width: Annotated[int, typer.Option(min=240, max=2000, help="Width of the picture in pixels")] = 600,
    dark: Annotated[bool, typer.Option("--dark", help="The picture as a device set to dark shows it")] = False,
    as_json: JSON = False,
) -> None:
    """Print one recipient's letter to look at. Links lead straight to their destinations; nothing is counted or sent."""
    from delivery.picture import View, picture_of
    from letterpress.checking import folder_of
    from letterpress.previewing import preview as printed
    from runtime.clock import now
    from runtime.house import open_house

    settings = load_settings()
    folder = folder_of(settings, campaign)
    shown = printed(settings, folder, open_house(settings) if who else None, who=who, asked=variant or [], at=now())
    if html:
        html.write_text(shown.letter.html, encoding="utf-8")
    if png:
        png.write_bytes(picture_of(shown.letter.html, View(width, dark)))
    emit(shown, as_json=as_json, text=lambda: "\n".join(_lines(shown, text=text, files=[f for f in (html, png) if f])))


def _lines(shown: "Shown", *, text: bool, files: list[Path]) -> list[str]:
    variants = [f"{placement}: {', '.join(chosen)} ({shown.origin[placement]})" for placement, chosen in shown.variants.items()]
    written = [f"wrote {file}" for file in files]
    body = ["", shown.letter.text] if text else []
    return [f"subject: {shown.letter.subject}", f"preheader: {shown.letter.preheader}", *variants, *written, *body]


def schema(out: Annotated[Path, typer.Option(help="Folder to write them into")] = Path("schema"), as_json: JSON = False) -> None:
    """Write the JSON Schemas of campaign.yaml and of variants' front matter, for editors to complete from."""
    from delivery.file_models import schemas

    out.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (out / name).write_text(text, encoding="utf-8")
    emit({"files": [str(out / name) for name in schemas()]}, as_json=as_json, text=lambda: "\n".join(str(out / name) for name in schemas()))
