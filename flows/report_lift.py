"""Report the lift: attribute and collect what came back, then keep the figures as a page and show them on the run's page."""

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from delivery.picture import View, find_chromium, picture_of
from experiments import lift_words as words
from experiments.lift_page import page
from experiments.lift_report import LiftReport
from flows.attribute_outcomes import attribute_recent
from flows.collect_feedback import collect_closed
from flows.measure_lift import Window, measured_lift
from flows.show_artifact import artifact_key, show_picture
from runtime.house import shared_house

FOLDER = "reports"  # in the lake


@flow(name="report-lift", flow_run_name="lift")
def report_lift(campaign: str | None = None, worth: float = 0.05) -> str:
    """The answer in one sentence. The page is kept in the lake, under the period's end; a report made again replaces it."""
    house = shared_house()
    attribute_recent(house)
    collect_closed(house)
    found = measured_lift(house, campaign, Window(), worth)
    name = f"lift-{'-'.join(found.asked.campaigns)[:80]}"
    written = page(found)
    house.lake.put_bytes(f"{FOLDER}/{name}-{found.asked.period.until:%Y-%m-%d}.html", written.encode())
    _show(found, name, written)
    get_run_logger().info("%s", words.headline(found))
    return words.headline(found)


def _show(found: LiftReport, name: str, written: str) -> None:
    create_markdown_artifact(as_markdown(found), key=artifact_key(name), description="What personalising gained over the holdout")
    if find_chromium():
        show_picture(picture_of(written, View(width=1100)), artifact_key(name, "page"), "The same as a page with plots")


def as_markdown(found: LiftReport) -> str:
    """The answer and the figures as a table."""
    rows = [
        (
            one.meaning.title,
            *words.means(one),
            words.relative(one.difference) if one.difference else "",
            words.verdict(one, found.asked.worth),
        )
        for one in found.figures
    ]
    head = "| | personalised | held out | difference | relative | says |\n|---|---:|---:|---:|---:|---|\n"
    table = head + "\n".join("| " + " | ".join(row) + " |" for row in rows) if rows else ""
    notes = "\n".join(f"- {note}" for note in found.asked.notes)
    return f"# {words.headline(found)}\n\n{words.period(found)}. {words.sides(found)}.\n\n{notes}\n\n{table}\n"
