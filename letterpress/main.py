"""The front door: `letterpress COMMAND`. Each file of `letterpress/commands` adds its commands here."""

import atexit
import os
import sys
import threading
import traceback
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

import letterpress.commands
from domain.errors import LetterpressError
from letterpress.output import errors

IN_ORDER_OF_USE = (
    *("init", "import", "validate", "preview", "audience", "train", "evaluate", "models", "dry-run", "proof", "check"),
    *("send", "refresh", "status", "pause", "resume", "cancel", "unknowns", "approvals", "approve", "audit", "why", "features", "report"),
    *("lift", "experiment", "variants", "diversity", "rollout", "machines", "publish", "content", "withdraw"),
    *(
        "mailbox",
        "suppressions",
        "up",
        "down",
        "serve",
        "token",
        "consume",
        "signals",
        "collect",
        "export",
        "erase",
        "expire",
        "schema",
        "simulate",
        "demo",
    ),
)


class _InOrderOfUse(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:  # of a click that typer carries and does not export
        places = {name: place for place, name in enumerate(IN_ORDER_OF_USE)}
        return sorted(super().list_commands(ctx), key=lambda name: places.get(name, len(places)))


app = typer.Typer(
    name="letterpress",
    cls=_InOrderOfUse,
    help="Decides, for every recipient, which content block goes where; prints the letter; hands it off; learns; proves what it gained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

for module in iter_modules(letterpress.commands.__path__):
    import_module(f"letterpress.commands.{module.name}").app_commands(app)


def main() -> None:
    """Run a command; our errors end with their exit code and one message, never with a traceback for bad input."""
    _leave(_run())


def _run() -> int:
    try:
        return int(app(standalone_mode=False) or 0)
    except LetterpressError as error:
        return _failed(str(error), error.exit_code)
    except typer.Exit as leave:
        return leave.exit_code
    except TyperException as error:  # a mistyped command, option or argument
        error.show()  # type: ignore[attr-defined] # every error of the parser can show itself
        return 2
    except (typer.Abort, KeyboardInterrupt):
        return _failed("stopped", 130)
    except Exception:
        traceback.print_exc()
        return _failed("this is a fault of Letterpress, not of your input; please report it with the lines above", 1)


def _failed(message: str, code: int) -> int:
    errors.print(f"letterpress: {message}", markup=False, soft_wrap=True)
    return code


def _leave(code: int) -> None:
    """End the process after its exit handlers, without taking the interpreter apart.

    DuckDB's binding prints a hundred lines about objects that Prefect's background threads still hold at that moment.
    """
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads that are no daemons, as the interpreter would
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
