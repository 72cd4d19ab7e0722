"""Email service providers behind one port. Adding one is a file here, a line in the table and a page in `docs/esp/`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from delivery.esp.address import EspAddress, parse_address
from delivery.esp.folder import Folder
from delivery.esp.port import Esp
from delivery.esp.smtp import Smtp
from domain.errors import InputError

_HERE = Path()

__all__ = ["Esp", "build_esp"]

_BUILDERS: Mapping[str, Callable[[EspAddress], Esp]] = {
    "folder": Folder.at,
    "smtp": Smtp.at,
    "smtps": Smtp.at,
}


def build_esp(url: str, *, home: Path = _HERE, setting: str = "LETTERPRESS_ESP") -> Esp:
    """The ESP at this address; relative paths begin at `home`. Nothing is connected yet.

    Raises InputError naming the setting, without its secrets.
    """
    address = parse_address(url, home=home, setting=setting)
    if address.scheme not in _BUILDERS:
        known = "known: folder:PATH, smtp://HOST, smtps://HOST"
        raise InputError("the ESP's address begins with no scheme that is known", where=setting, hint=known)
    return _BUILDERS[address.scheme](address)
