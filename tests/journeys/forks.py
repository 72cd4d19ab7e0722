"""Commands as processes of their own without the seconds of import: a process that has imported everything forks for each.

A child has its own pid, environment, working folder, output and exit code, and runs `letterpress.main.main` as the
installed script does. Requests are lines of JSON on standard input, each answered by one on standard output.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from flows import send_campaign  # noqa: F401 - as below
from letterpress import explanation, rehearsal, send_view, watching  # noqa: F401 - loaded here, once, for the children
from letterpress.main import main


def serve() -> None:
    """Answer requests until standard input ends."""
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    print(json.dumps("ready"), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        answer = _exit_code(request["pid"]) if "pid" in request else _start(request)
        print(json.dumps(answer), file=answers, flush=True)


def _start(request: dict[str, Any]) -> int:
    """The pid of a child that runs the command."""
    pid = os.fork()
    if pid == 0:
        _become(request)
        main()
    return pid


def _become(request: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background of a shell has it ignored
    os.chdir(request["folder"])
    for number, path in enumerate(("/dev/null", request["out"], request["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = [str(Path(sys.executable).with_name("letterpress")), *request["arguments"]]


def _exit_code(pid: int) -> int | None:
    """The exit code of a child (minus the signal that ended it), None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    serve()
