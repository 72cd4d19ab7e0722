"""`letterpress serve`: the HTTP process."""

import signal
import socket
import sys
from typing import Annotated

import typer

from domain.errors import UnavailableError
from letterpress.output import errors
from runtime.settings import load_settings

_FINISHING = 10  # seconds that requests under way get when the process is asked to end


def app_commands(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; web_host if left out")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port to listen on; web_port if left out, 0 for any free one")] = None,
) -> None:
    """Serve decisions, and the click and unsubscribe links of letters, until asked to end (Ctrl-C or SIGTERM).

    Put a proxy that speaks TLS in front of it; from this machine its X-Forwarded-For is believed.
    """
    import uvicorn

    from runtime.logs import set_up_logs
    from runtime.serving import open_serving
    from web.app import create_app
    from web.corking import CorkedProtocol

    settings = load_settings()
    set_up_logs(settings.log_format)
    signal.signal(signal.SIGTERM, _end)  # uvicorn raises the signal again once requests under way are finished
    with _listening(host or settings.web_host, settings.web_port if port is None else port) as listening:
        app = create_app(open_serving(settings))
        # No access log: it would keep who opened what, and when, outside the reach of an erasure.
        # Its warnings go where ours go.
        options = uvicorn.Config(
            app, http=CorkedProtocol, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=_FINISHING
        )
        errors.print(f"serving http://{_place(listening)}", markup=False, soft_wrap=True)
        uvicorn.Server(options).run(sockets=[listening])


def _end(_signal: int, _frame: object) -> None:
    sys.exit(0)


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port that is taken is told before anything is opened."""
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024)
        # Connections inherit it. asyncio would set it itself, but not on sockets made without naming TCP; without it every answer on a
        # connection that is kept alive waits 40 ms for the client's acknowledgement between its head and its body.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        raise UnavailableError(f"cannot listen there: {reason}", where=f"{host}:{port}") from None
    return listening


def _place(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
