"""`letterpress diversity`: how mixed what each reader gets is, and how much of the catalogue anybody gets."""

from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.output import emit

if TYPE_CHECKING:
    from rich.console import Group

    from flows.watch_diversity import Watched


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(diversity)


def diversity(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    letters: Annotated[int, typer.Option(min=1, max=26, help="Over how many letters of a reader the mix is taken")] = 4,
    by: Annotated[float, typer.Option(min=0, max=1, help="By what share it must have fallen to be called a fall")] = 0.1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Entropy of the categories in each reader's last letters, send by send, and how many variants were shown at all."""
    from flows.watch_diversity import diversity_of
    from runtime.house import shared_house

    found = diversity_of(shared_house(), campaign, letters, by)
    emit(found, as_json=as_json, text=lambda: shown(found, letters))


def shown(found: "Watched", letters: int) -> "Group":
    """The course as a table, and whether it has fallen."""
    from rich.console import Group
    from rich.table import Table

    from flows.watch_diversity import as_rows

    if not found.points:
        return Group(f"{found.campaign}: nobody got {letters} letters in a row yet; try --letters 1")
    rows = Table(*as_rows(found)[0])
    for row in as_rows(found):
        rows.add_row(*map(str, row.values()))
    fall = f"the mix has fallen by {found.fall.share:.0%} against the letters before" if found.fall else "the mix has not fallen"
    return Group(f"{found.campaign}: {fall}; entropy in nats: 0 is one category, 0.69 two alike, 1.1 three", rows)
