"""`letterpress up` and `letterpress down`: the embedded services."""

from typing import Annotated

import typer

from letterpress.output import console, emit
from runtime.settings import load_settings

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(up)
    app.command()(down)


def up(
    as_json: JSON = False,
    worker: Annotated[bool, typer.Option(help="Deploy prefect.yaml and start a worker that runs its schedules")] = True,
    web: Annotated[bool, typer.Option(help="Start the HTTP process: decisions, click and unsubscribe links")] = True,
    signals: Annotated[
        bool | None,
        typer.Option(help="Start a consumer of signals, which decides again within sessions; if left out, where write_keys are set"),
    ] = None,
) -> None:
    """Start the embedded services: decision store, Prefect server with UI, worker, HTTP process, consumer of signals."""
    from runtime import services

    settings = load_settings()
    services.start_decision_store(settings)
    if not as_json:
        console.print("starting Prefect's server (the first start takes a while) …")
    services.start_prefect_server(settings)
    if worker:
        services.start_worker(settings)
    if web:
        services.start_web(settings)
    if settings.write_keys if signals is None else signals:
        services.start_signals(settings)
    running = services.running_services(settings)
    lines = [f"{name:<15} {address}" for name, address in running.items()] + [f"{'logs':<15} {services.run_folder(settings)}"]
    emit(running, as_json=as_json, text=lambda: "\n".join(lines))


def down(as_json: JSON = False) -> None:
    """End the services that `up` started. A send that is under way is not lost: `letterpress resume` takes it up."""
    from runtime.services import stop_services

    ended = stop_services(load_settings())
    emit({"ended": ended}, as_json=as_json, text=lambda: "ended: " + (", ".join(ended) or "nothing was running"))
