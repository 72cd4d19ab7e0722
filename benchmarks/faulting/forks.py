"""Processes that begin with everything imported: one that has imported all of it forks for each. `python -m benchmarks.faulting.forks`

A child has its own pid, environment, working folder, output and exit code, and runs `letterpress ARGUMENTS` as the installed script
does, or a module's `main`. Requests are lines of JSON on standard input, each answered by one on standard output. It ends with its
standard input.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from domain.errors import LetterpressError

# By name, because nothing but a user stands above the command line: what is measured is the command, from outside.
COMMAND_LINE = "letterpress.main"
_COMMANDS = (COMMAND_LINE, "letterpress.running", "letterpress.explanation", "letterpress.rehearsal", "flows.send_campaign")
_OWN = ("benchmarks.faulting.worker", "benchmarks.faulting.schedule", "benchmarks.interrupting.actor")
_LOADED = (*_COMMANDS, *_OWN)


def serve() -> None:
    """Load everything, say so, answer requests."""
    for module in _LOADED:
        import_module(module)
    requests, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    print(json.dumps("ready"), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        answer = _exit_code(request["pid"]) if "pid" in request else _start(request)
        print(json.dumps(answer), file=answers, flush=True)


def _start(request: Mapping[str, Any]) -> int:
    """The pid of a child that does what is asked."""
    pid = os.fork()
    if pid == 0:
        _become(request)
    return pid


def _become(request: Mapping[str, Any]) -> NoReturn:
    os.environ.clear()
    os.environ.update(request["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs in the background of a shell has it ignored
    os.chdir(request["folder"])
    for number, path in enumerate(("/dev/null", request["out"], request["err"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.argv = [str(Path(sys.executable).with_name("letterpress")), *request["arguments"]]
    os._exit(_ended(request["module"]))


def _ended(module: str) -> int:
    """The exit code of a module's `main`, which ends the process itself if it is the command line's."""
    try:
        import_module(module).main()
    except LetterpressError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _exit_code(pid: int) -> int | None:
    """The exit code of a child (minus the signal that ended it), None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    serve()
