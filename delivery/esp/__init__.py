"""Email service providers behind one port. Adding one is a file here, a line in the table and a page: `docs/esp/adding.md`."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from delivery.esp.address import EspAddress, parse_address
from delivery.esp.folder import Folder
from delivery.esp.http import HttpEsp
from delivery.esp.port import Esp
from delivery.esp.provider import Provider
from delivery.esp.smtp import Smtp
from domain.errors import InputError

_HERE = Path()

__all__ = ["PROVIDERS", "Esp", "build_esp"]

_BUILDERS: Mapping[str, Callable[[EspAddress], Esp]] = {
    "folder": Folder.at,
    "smtp": Smtp.at,
    "smtps": Smtp.at,
}

# By scheme: the class in the module of that name. Loaded when asked for, because not every house has what each needs.
PROVIDERS: Mapping[str, str] = {
    "brevo": "Brevo",
    "mailgun": "Mailgun",
    "mailjet": "Mailjet",
    "postmark": "Postmark",
    "resend": "Resend",
    "sendgrid": "SendGrid",
    "ses": "Ses",
    "sparkpost": "SparkPost",
}


def build_esp(url: str, *, home: Path = _HERE, setting: str = "LETTERPRESS_ESP") -> Esp:
    """The ESP at this address; relative paths begin at `home`. Nothing is connected yet.

    Raises InputError naming the setting, without its secrets.
    """
    address = parse_address(url, home=home, setting=setting)
    if address.scheme in _BUILDERS:
        return _BUILDERS[address.scheme](address)
    if address.scheme in PROVIDERS:
        return HttpEsp(_opener(address)(address))
    known = "known: folder:PATH, smtp://HOST, smtps://HOST, " + ", ".join(f"{name}://" for name in sorted(PROVIDERS))
    raise InputError("the ESP's address begins with no scheme that is known", where=setting, hint=known)


def _opener(address: EspAddress) -> Callable[[EspAddress], Provider]:
    """What makes a provider of this scheme from its address."""
    try:
        module = import_module(f"delivery.esp.{address.scheme}")
    except ModuleNotFoundError as error:
        hint = f"install it with: pip install 'letterpress[{address.scheme}]'"
        raise address.mistake(f"{address.scheme} needs the package {error.name}, which is not installed", hint) from None
    opener: Callable[[EspAddress], Provider] = getattr(module, PROVIDERS[address.scheme]).at
    return opener
