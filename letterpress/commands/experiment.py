"""`letterpress experiment`: what the arms of an experiment did, against its control."""

from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.output import emit

if TYPE_CHECKING:
    from rich.console import Group

    from flows.measure_trial import Trial


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(experiment)


def experiment(
    campaign: Annotated[str, typer.Argument(help="The campaign's folder name")],
    name: Annotated[str, typer.Argument(help="The experiment, as campaign.yaml calls it")],
    worth: Annotated[float, typer.Option(min=0.001, max=1, help="The smallest relative difference that is worth knowing of")] = 0.05,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Each arm against the control: whole weeks, at least two, and intervals that hold at every look."""
    from flows.measure_trial import measured_trial
    from runtime.house import shared_house

    found = measured_trial(shared_house(), campaign, name, worth)
    emit(found, as_json=as_json, text=lambda: shown(found))


def shown(found: "Trial") -> "Group":
    """A table per arm."""
    from rich.console import Group
    from rich.table import Table

    from experiments import lift_words as words

    parts: list[object] = [f"experiment {found.name} of {found.campaign}, against {found.control}"]
    for arm, report in found.reports.items():
        if report.missing or report.blocked:
            parts.append(
                f"{arm}: {words.blocked(report) if report.blocked else '; '.join(report.missing.missing if report.missing else ())}"
            )
            continue
        rows = Table(
            f"{arm}: {report.recipients:,} recipients against {report.held_out:,}", arm, found.control, "difference", "relative", "says"
        )
        for one in report.figures:
            gap = words.relative(one.difference) if one.difference else ""
            rows.add_row(one.meaning.title, *words.means(one), gap, words.verdict(one, report.asked.worth))
        parts.append(rows)
    parts.append("Intervals hold at all looks together (95 %) for each arm and figure; several of them are several chances to err.")
    return Group(*parts)  # type: ignore[arg-type]
