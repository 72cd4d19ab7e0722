"""The front door: `letterpress COMMAND`. Each file of `letterpress/commands` adds its commands here."""

import sys
import traceback
from importlib import import_module
from pkgutil import iter_modules

import click
import typer

import letterpress.commands
from domain.errors import LetterpressError
from letterpress.output import errors

app = typer.Typer(
    name="letterpress",
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
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except LetterpressError as error:
        _fail(str(error), error.exit_code)
    except (typer.Exit, click.exceptions.Exit) as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (typer.Abort, click.Abort, KeyboardInterrupt):
        _fail("stopped", 130)
    except Exception:
        traceback.print_exc()
        _fail("this is a fault of Letterpress, not of your input; please report it with the lines above", 1)


def _fail(message: str, code: int) -> None:
    errors.print(f"letterpress: {message}", markup=False, soft_wrap=True)
    sys.exit(code)
