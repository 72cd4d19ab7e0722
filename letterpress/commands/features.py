"""`letterpress features check`: whether a send was served what its model understands."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.table import Table

from letterpress.output import emit, progress

if TYPE_CHECKING:
    from letterpress.feature_check import FeatureCheck

_SHOWN = 15


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    features = typer.Typer(help="Features as served: check them for skew and drift.", no_args_is_help=True)
    features.callback()(lambda: None)
    features.command("check")(check)
    app.add_typer(features, name="features")


def check(
    send_id: Annotated[str | None, typer.Argument(metavar="SEND", help="A send's id; the latest if left out")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Recompute what a send was decided by: any difference is skew, and exit code 1. Beside it, drift since the model was fitted."""
    from letterpress.feature_check import check_features
    from letterpress.send_view import chosen_send
    from runtime.house import shared_house

    house = shared_house()
    with progress() as shown:
        task = shown.add_task("recomputing features", total=None)
        found = check_features(house, chosen_send(house, send_id), lambda done, total: shown.update(task, completed=done, total=total))
    emit(found, as_json=as_json, text=lambda: _view(found))
    if found.skew:
        raise typer.Exit(1)


def _view(found: "FeatureCheck") -> Group:
    head = f"features of {found.send_id}, model {found.model_version}: {found.recipients:,} recipients recomputed"
    return Group(head, _skew(found), *_drift(found))


def _skew(found: "FeatureCheck") -> "Table | str":
    if found.served_as_computed:
        return "no skew: every feature was served as it is computed again, to the bit"
    rows = Table("SKEW in", title_justify="left")
    for heading in ("recipients", "largest difference"):
        rows.add_column(heading, justify="right")
    for skew in found.skew:
        rows.add_row(skew.feature, f"{skew.rows:,}", "known on one side only" if skew.largest is None else f"{skew.largest:.6g}")
    rows.caption = "history imported later with an earlier received_at shows here too: say when it was really received"
    return rows


def _drift(found: "FeatureCheck") -> "list[Table | str]":
    if not found.drift:
        return ["the model kept no bins to measure drift by: train a new one"]
    rows = Table("drift since the model was fitted")
    for heading in ("PSI", "", "unknown then", "unknown now"):
        rows.add_column(heading, justify="right")
    for one in found.drift[:_SHOWN]:
        rows.add_row(one.feature, f"{one.psi:.3f}", one.level, f"{one.unknown_fitted:.1%}", f"{one.unknown_now:.1%}")
    more = len(found.drift) - _SHOWN
    return [rows, *([f"and {more} more that moved less"] if more > 0 else [])]
