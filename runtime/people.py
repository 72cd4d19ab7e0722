"""Who is at the keyboard: the name that the audit trail keeps."""

import getpass
import os

from domain.errors import InputError

VARIABLE = "LETTERPRESS_BY"
_LONGEST = 200


def who(by: str | None = None) -> str:
    """The name given (`--by`), else LETTERPRESS_BY, else the user of the operating system.

    InputError for a name of several lines or of more than 200 characters: it stands in one line of every report.
    """
    name = " ".join((by if by is not None else os.environ.get(VARIABLE, "")).split(" ")).strip()
    if by is not None and not name:
        raise InputError("the name of who did it is empty", where="--by")
    name = name or _user()
    if len(name) > _LONGEST or not name.isprintable():
        raise InputError("a name is one line of at most 200 characters", where="--by" if by is not None else VARIABLE)
    return name


def _user() -> str:
    """The operating system's name of the user; `unknown` where it has none (a container with a bare number)."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
