"""`letterpress signals`: react to what visitors do at this moment, and see how far behind that is."""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Annotated

import typer

from letterpress.output import emit, errors
from letterpress.stopping import Stop
from runtime.settings import load_settings

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document")]
signals = typer.Typer(help="React to what visitors do within their sessions.", no_args_is_help=True)

_LOOK = 0.5  # seconds between looks at the consumers' processes


def app_commands(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(signals, name="signals")


@signals.command()
def run(
    consumers: Annotated[int, typer.Option(min=1, max=256, help="Processes that share the visitors among them")] = 1,
    until_idle: Annotated[float | None, typer.Option(help="End after so many seconds without a signal")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end")] = False,
) -> None:
    """Decide again for visitors as their signals come, until asked to end (Ctrl-C or SIGTERM)."""
    if consumers > 1:
        raise typer.Exit(_several(consumers, until_idle))
    from letterpress.attending import Attendant, Attended
    from letterpress.reacting import Reactor
    from runtime.clock import now
    from runtime.house import open_house
    from runtime.logs import set_up_logs
    from runtime.serving import signal_streams

    settings = load_settings()
    set_up_logs(settings.log_format)
    stop, house, streams = Stop(until_idle), open_house(settings), signal_streams(settings)
    reactor = Reactor(house, streams, house.sessions, now)
    name = f"{socket.gethostname()}-{os.getpid()}"
    errors.print(f"attending to signals as {name}", markup=False, soft_wrap=True)
    done: Attended = Attendant(name, streams, reactor, now).attend(lambda so_far: stop.go_on(so_far.signals))
    text = f"{done.signals:,} signals in {done.rounds:,} rounds: decided again {done.recipients:,} times; {done.set_aside:,} set aside"
    emit(done, as_json=as_json, text=lambda: text)


@signals.command()
def lag(as_json: JSON = False) -> None:
    """How many signals wait, for how long, and who attends to them."""
    from runtime.clock import now
    from runtime.serving import signal_streams

    found = signal_streams(load_settings()).lag(now())
    text = (
        f"{found.waiting:,} waiting, {found.taken:,} taken and not finished, the oldest {found.oldest_seconds:.1f} s old; "
        f"{found.consumers} consumers; {found.poison:,} set aside"
    )
    emit(found, as_json=as_json, text=lambda: text)


@signals.command()
def poison(as_json: JSON = False) -> None:
    """What was set aside, and why: the last hundred."""
    from runtime.serving import signal_streams

    found = signal_streams(load_settings()).poison()
    lines = [f"{one['at']}  partition {one['partition']}, entry {one['entry']}: {one['reason']}" for one in found]
    emit(found, as_json=as_json, text=lambda: "\n".join(lines) or "nothing was set aside")


def _several(consumers: int, until_idle: float | None) -> int:
    """So many processes, each started again if it dies; all end when this one is asked to. Returns the exit code."""
    idle = ["--until-idle", str(until_idle)] if until_idle is not None else []
    command = [sys.executable, "-m", "letterpress", "signals", "run", *idle]
    stop, running = Stop(None), [subprocess.Popen(command) for _ in range(consumers)]  # noqa: S603 - our own command
    while stop.go_on(0) and any(process.poll() != 0 for process in running):
        for place, process in enumerate(running):
            if process.poll() not in {None, 0}:
                errors.print(f"a consumer ended with {process.returncode} and is started again", markup=False, soft_wrap=True)
                running[place] = subprocess.Popen(command)  # noqa: S603 - our own command
        time.sleep(_LOOK)
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    return max(process.wait() for process in running)
