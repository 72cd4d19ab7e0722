"""Embedded services: the decision store's server, Prefect's server and worker, our HTTP process, a consumer of signals.

Each runs as a process under var/run and is found again by whoever needs it, so each runs at most once. Only what was
started here is ended here.
"""

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import UnavailableError
from runtime.processes import Process, alive, end, launch, remembered
from runtime.settings import Settings
from storage.embedded import EmbeddedRedis
from storage.runs import process_started

WORK_POOL = "letterpress"
NAMES = ("web", "signals", "prefect-worker", "prefect-server")  # in the order in which they are ended

_PATIENCE = 120.0  # seconds; Prefect's first boot took 13 s on two idle cores (FACTS §2)
_OF_COMMAND = "prefect-of-"  # and the pid of the command that a server was started for
_OWN = "LETTERPRESS_OWN_PREFECT"  # says that the server at PREFECT_API_URL is this command's own to start
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLI_PROMPT": "false",
}


def run_folder(settings: Settings) -> Path:
    """Where pids and logs of the services are kept."""
    return settings.var / "run"


def embedded_redis(settings: Settings) -> EmbeddedRedis:
    """The embedded decision store of this installation, running or not."""
    return EmbeddedRedis(settings.var / "redis")


def redis_url_of(settings: Settings) -> str:
    """The configured Redis, else the embedded one's socket, running or not."""
    return settings.redis_url or embedded_redis(settings).url


@contextmanager
def decision_store_running(settings: Settings) -> Iterator[None]:
    """The embedded decision store runs within; it is ended after only if it was started for this."""
    started = not settings.redis_url and embedded_redis(settings).start()
    try:
        yield
    finally:
        if started:
            embedded_redis(settings).stop()


def start_decision_store(settings: Settings) -> None:
    """The embedded decision store, unless a Redis is configured."""
    if not settings.redis_url:
        embedded_redis(settings).start()


def prefect_address(settings: Settings) -> str:
    """Where the embedded Prefect server answers and shows its UI."""
    return f"http://127.0.0.1:{settings.prefect_port}"


def prefect_environment(settings: Settings) -> dict[str, str]:
    """The environment in which Prefect keeps its state under var/, tells nobody, and talks to the server that runs.

    A PREFECT_API_URL that is already set wins: that is somebody's own server.
    """
    api = prefect_address(settings) + "/api"
    ours = _QUIET | {
        "PREFECT_HOME": str(settings.var / "prefect"),
        "PREFECT_SERVER_UI_API_URL": api,  # else the UI looks for port 4200, wherever the server is
        "LETTERPRESS_HOME": str(settings.home),
    }
    if remembered(run_folder(settings), "prefect-server"):
        ours["PREFECT_API_URL"] = api
    return ours | {name: value for name, value in os.environ.items() if name.startswith("PREFECT_")}


def adopt_prefect_environment(settings: Settings) -> None:
    """Put `prefect_environment` into this process; to be called before Prefect is imported.

    Logs go to the run's page; on the terminal the command speaks for itself. Where no server runs, the address is one
    at which `ensure_prefect` will start its own.
    """
    os.environ.update({"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"} | prefect_environment(settings))
    if "PREFECT_API_URL" not in os.environ:
        os.environ.update({"PREFECT_API_URL": f"http://127.0.0.1:{_free_port()}/api", _OWN: "1"})
        atexit.register(_end_own, settings)  # before Prefect registers what it does at the end, so that it runs after that


def check_prefect() -> None:
    """Raise UnavailableError where a Prefect server is named and nobody answers there."""
    if os.environ.get(_OWN):
        return
    url = os.environ["PREFECT_API_URL"]
    try:
        urllib.request.urlopen(url + "/health", timeout=10).close()  # noqa: S310 - the operator's own setting
    except urllib.error.HTTPError:
        pass  # it answers: whether it knows us is for Prefect to find out
    except (OSError, ValueError):
        raise UnavailableError("Prefect's server does not answer", where=url, hint="letterpress up, or unset PREFECT_API_URL") from None


def prefect_answers() -> bool:
    """Whether events can be told to a Prefect server: the one that is named answers, or none is named and Prefect brings its own."""
    if not (url := os.environ.get("PREFECT_API_URL")):
        return True
    try:
        urllib.request.urlopen(url + "/health", timeout=2).close()  # noqa: S310 - the operator's own setting
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def ensure_prefect(settings: Settings) -> None:
    """A Prefect server answers from here on: the one that is named or runs, else one of this command's own, which ends with it.

    What commands that were killed left behind is ended first: Prefect's own temporary servers would stay for good.
    """
    _end_orphans(settings)
    if os.environ.get(_OWN):
        port = int(os.environ["PREFECT_API_URL"].rpartition(":")[2].removesuffix("/api"))
        start_prefect_server(settings, name=_own_name(), port=port)


def start_prefect_server(settings: Settings, *, name: str = "prefect-server", port: int | None = None) -> Process:
    """Prefect's server and UI on loopback; returns when it answers."""
    address = f"http://127.0.0.1:{port or settings.prefect_port}"
    command = [_tool("prefect"), "server", "start", "--host", "127.0.0.1", "--port", str(port or settings.prefect_port)]
    process = _start(settings, name, command, address)
    _await(process, address + "/api/health", run_folder(settings))
    return process


def start_worker(settings: Settings) -> Process:
    """Deploy what prefect.yaml says and start a process worker that runs it."""
    _prefect(settings, "work-pool", "create", WORK_POOL, "--type", "process", "--overwrite")
    _prefect(settings, "deploy", "--all")
    command = [_tool("prefect"), "worker", "start", "--pool", WORK_POOL, "--type", "process", "--name", "letterpress"]
    return _start(settings, "prefect-worker", command, f"work pool {WORK_POOL}")


def start_web(settings: Settings) -> Process:
    """Our HTTP process; returns when it answers."""
    address = f"http://{settings.web_host}:{settings.web_port}"
    process = _start(settings, "web", [sys.executable, "-m", "letterpress", "serve"], address)
    _await(process, address + "/healthz", run_folder(settings))
    return process


def start_signals(settings: Settings) -> Process:
    """A consumer of signals, which decides again for visitors while they are there."""
    return _start(settings, "signals", [sys.executable, "-m", "letterpress", "signals", "run"], "Redis")


def stop_services(settings: Settings) -> list[str]:
    """End what was started, in order; returns the names of what ran."""
    _end_orphans(settings)
    ended = [name for name in NAMES if end(run_folder(settings), name)]
    return ended + (["redis"] if embedded_redis(settings).stop() else [])


def running_services(settings: Settings) -> dict[str, str]:
    """Name → address of the services that run."""
    found = {name: process.address for name in NAMES if (process := remembered(run_folder(settings), name))}
    return found | ({"redis": redis_url_of(settings)} if embedded_redis(settings).running() else {})


def _own_name() -> str:
    return f"{_OF_COMMAND}{os.getpid()}"


def _end_own(settings: Settings) -> None:
    end(run_folder(settings), _own_name())
    (run_folder(settings) / f"{_own_name()}.log").unlink(missing_ok=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_orphans(settings: Settings) -> None:
    """End the Prefect servers of commands that are gone."""
    for record in run_folder(settings).glob(f"{_OF_COMMAND}*.json"):
        if process_started(int(record.stem.removeprefix(_OF_COMMAND))) is None:
            end(run_folder(settings), record.stem)
            record.with_suffix(".log").unlink(missing_ok=True)


def _start(settings: Settings, name: str, command: list[str], address: str) -> Process:
    folder = run_folder(settings)
    environment = dict(os.environ) | prefect_environment(settings)
    return remembered(folder, name) or launch(name, command, folder=folder, address=address, environment=environment, cwd=settings.home)


def _await(process: Process, url: str, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and alive(process):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a loopback address of ours
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    log = folder / f"{process.name}.log"
    raise UnavailableError(f"{process.name} does not answer at {process.address}", hint=f"its output is in {log}; is the port taken?")


def _prefect(settings: Settings, *arguments: str) -> None:
    environment = dict(os.environ) | prefect_environment(settings)
    done = subprocess.run(  # noqa: S603 - our own tool, fixed arguments
        [_tool("prefect"), "--no-prompt", *arguments],
        env=environment, cwd=settings.home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UnavailableError(f"prefect {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-800:]}")


def _tool(name: str) -> str:
    """A command of the environment this Python runs in, whether or not it is on PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name
