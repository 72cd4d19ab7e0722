"""`letterpress demo`: everything once, on a simulated shop."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from letterpress.output import console, emit
from runtime.settings import Settings, load_settings

if TYPE_CHECKING:
    from letterpress.demo import Demo


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(demo)


def demo(
    recipients: Annotated[int, typer.Option(help="How many people the shop writes to")] = 20_000,
    weeks: Annotated[int, typer.Option(help="How many weekly letters they have had before")] = 8,
    seed: Annotated[int, typer.Option(help="Another seed, another shop")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Simulate a shop with history, train, rehearse, send into a local mailbox, let its readers click, report. Again: repeats nothing."""
    settings = load_settings()
    with demo_services(settings, quiet=as_json):
        from letterpress.demo import Demo
        from runtime.house import shared_house

        shop = Demo(shared_house(), settings.var / "demo", recipients, weeks, seed)
        shop.refuse_real_data()
        found = run(shop, quiet=as_json)
    emit(found, as_json=as_json, text=lambda: "\n".join(what_next(shop)))


def run(shop: "Demo", *, quiet: bool) -> dict[str, object]:
    """All steps in order; what is done already is left alone."""
    from flows.report_send import report_on
    from flows.send_campaign import send_campaign
    from letterpress.commands.report import shown
    from letterpress.send_view import table, view

    if not (shop.folder / "truth.parquet").exists():
        with step(f"inventing a shop with {shop.recipients:,} recipients and {shop.weeks} weeks of past letters", quiet=quiet):
            shop.shop()
    send = shop.house.sends.get(shop.send_id)
    if send is None:
        with step("importing its recipients, decisions, events and purchases", quiet=quiet):
            imported = shop.imported()
        say(
            quiet,
            *(
                f"  {report.kind}: {report.written:,} written, {report.unchanged:,} known, {sum(report.refused.values()):,} refused"
                for report in imported
            ),
        )
        with step("training the ranker on its history", quiet=quiet):
            model = shop.train()
        say(quiet, f"  model {model} decides")
        with step("rehearsing the send: everything but the hand-off", quiet=quiet):
            rehearsal = shop.dry_run()
        say(quiet, f"  {rehearsal.letters:,} letters print, the largest has {rehearsal.largest_letter_bytes:,} bytes")
    with step("sending, as a Prefect flow", quiet=quiet):
        send_campaign("weekly", shop.at())
    sent = shop.house.send(shop.send_id)
    if not (shop.folder / "read").exists():
        with step("letting the readers open, click and unsubscribe through the real links", quiet=quiet):
            followed = shop.readers(sent)
        (shop.folder / "read").touch()
        say(quiet, f"  {followed.opened:,} opened, {followed.clicks:,} clicks, {followed.unsubscribed:,} unsubscribed")
    report, seen = report_on(shop.house, sent), view(shop.house, sent)
    if not quiet:
        console.print(table(seen), shown(report), sep="\n")
    return {"send": seen, "report": report, "mailbox": str(shop.mailbox)}


def what_next(shop: "Demo") -> list[str]:
    """What to look at after the demo."""
    one = next(iter(shop.house.ledger.statuses(shop.send_id)), "r1")
    letter = f"letterpress mailbox, or the .eml files in {shop.mailbox}"
    return [
        "",
        "next, with .venv/bin before each command (or the environment activated):",
        f"  {letter:<68} the letters",
        f"  {f'letterpress why {shop.send_id} {one}':<68} why somebody got what they got",
        f"  {'letterpress preview weekly --as ' + one + ' --png letter.png':<68} a letter as a picture",
        f"  {'letterpress evaluate weekly':<68} what the model's policy is worth, off-policy",
        f"  {'letterpress up':<68} decision store, Prefect's UI on {load_settings().prefect_port}, worker, links; `down` ends them",
    ]


@contextmanager
def step(title: str, *, quiet: bool) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    began = time.monotonic()
    say(quiet, f"• {title} …")
    yield
    say(quiet, f"  done in {time.monotonic() - began:.1f} s")


def say(quiet: bool, *lines: str) -> None:
    """Print for people."""
    if not quiet:
        console.print(*lines, sep="\n", markup=False, soft_wrap=True)


@contextmanager
def demo_services(settings: Settings, *, quiet: bool) -> Iterator[None]:
    """Decision store and Prefect server, ended afterwards unless they ran before."""
    from runtime import services

    before = services.running_services(settings)
    with step("starting the decision store and Prefect's server (the first start takes a while)", quiet=quiet):
        services.start_decision_store(settings)
        services.start_prefect_server(settings)
    services.adopt_prefect_environment(settings)  # before Prefect is imported
    try:
        yield
    finally:
        if not before:
            services.stop_services(settings)
