"""`letterpress lift`: what personalising gained over the holdout, or what an experiment from elsewhere did."""

from pathlib import Path
from typing import Annotated

import typer

from letterpress.output import emit


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(lift)


def lift(
    campaign: Annotated[str | None, typer.Argument(help="A campaign's folder name; all campaigns together if left out")] = None,
    *,
    since: Annotated[str | None, typer.Option(help="From this instant on; from the first send with this holdout if left out")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this instant, in whole weeks; as late as all has come in if left out")] = None,
    worth: Annotated[float, typer.Option(min=0.001, max=1, help="The smallest relative lift that is worth knowing of")] = 0.05,
    html: Annotated[Path | None, typer.Option(help="Write the report to this file as one page with plots")] = None,
    table: Annotated[Path | None, typer.Option(help="Report on this CSV or Parquet table instead: a row per recipient")] = None,
    arm: Annotated[str, typer.Option(help="With --table: the column that says the arm")] = "arm",
    control: Annotated[str, typer.Option(help="With --table: the arm the others are compared with")] = "control",
    outcome: Annotated[list[str] | None, typer.Option(help="With --table: a column of numbers; may be repeated")] = None,
    before: Annotated[str | None, typer.Option(help="With --table: a column known from before, to take the past out with (CUPED)")] = None,
    per: Annotated[str | None, typer.Option(help="With --table: a column that outcomes are counted per, such as letters")] = None,
    share: Annotated[list[str] | None, typer.Option(help="With --table: ARM=SHARE as it was drawn; all alike if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """What personalised letters brought more than the holdout's: with intervals, guardrails, and "cannot tell yet" as an answer."""
    if table is not None:
        from letterpress.lift_view import table_shown
        from letterpress.table_lifts import lift_of_table
        from storage.experiment_tables import Columns

        compared = lift_of_table(table, Columns(arm, tuple(outcome or ()), before, per), control, share or [])
        emit(compared, as_json=as_json, text=lambda: table_shown(compared))
        return
    from experiments.lift_page import page
    from flows.measure_lift import Window, measured_lift
    from letterpress.instants import instant
    from letterpress.lift_view import shown
    from runtime.house import shared_house

    window = Window(*(instant(text, option) if text else None for text, option in ((since, "--since"), (until, "--until"))))
    found = measured_lift(shared_house(), campaign, window, worth)
    if html:
        html.write_text(page(found), encoding="utf-8")
    emit(found, as_json=as_json, text=lambda: shown(found))
