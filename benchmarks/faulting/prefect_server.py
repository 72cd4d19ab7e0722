"""One Prefect server for all runs: starting one takes longer than a run."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runtime.processes import end
from runtime.services import prefect_address, prefect_environment, run_folder, start_prefect_server
from runtime.settings import Settings


def server_settings(home: Path) -> Settings:
    """Of a server that keeps its state there and listens on a free port of loopback."""
    home.mkdir(parents=True)
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return Settings(home=home, prefect_port=int(line.getsockname()[1]))


def variables_for(settings: Settings) -> Mapping[str, str]:
    """Under which commands find the server."""
    prefect = {name: text for name, text in prefect_environment(settings).items() if name.startswith("PREFECT_")}
    return prefect | {"PREFECT_API_URL": prefect_address(settings) + "/api", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}


@contextmanager
def running(settings: Settings) -> Iterator[None]:
    """The server answers within."""
    try:
        start_prefect_server(settings)
        yield
    finally:
        end(run_folder(settings), "prefect-server")
