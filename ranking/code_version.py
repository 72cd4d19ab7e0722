"""Which code trained a model: the package's version, and a digest of what trains."""

from functools import cache
from importlib.metadata import version
from pathlib import Path

from domain.ids import digest

_ROOM = Path(__file__).parent


@cache
def code_version() -> str:
    """`0.1.0+3f2a9c1b7d04`: two models of the same digest were trained by the same sources of this room, whatever the version says."""
    sources = sorted(_ROOM.rglob("*.py"))
    parts = (part for path in sources for part in (str(path.relative_to(_ROOM)), path.read_text()))
    return f"{version('letterpress')}+{digest(*parts)[:12]}"
