"""The address of an ESP, as in LETTERPRESS_ESP: `smtp://user:password@host:587/?timeout=10`, `folder:var/mailbox`.

Errors name the setting and what is wrong with it, and never repeat the address: it may hold a password.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from domain.errors import InputError

_HERE = Path()


@dataclass(frozen=True, slots=True)
class EspAddress:
    """The parts of an ESP's address, percent-decoded. `setting` is where it came from, for messages; relative paths
    begin at `home`."""

    scheme: str
    host: str | None
    port: int | None
    username: str | None
    password: str | None = field(repr=False)
    path: str
    options: Mapping[str, str]
    setting: str
    home: Path

    def mistake(self, what: str, hint: str | None = None) -> InputError:
        """The error to raise about this address."""
        return InputError(what, where=self.setting, hint=hint)

    def allow(self, names: Sequence[str]) -> None:
        """Refuse options that this ESP does not know."""
        if unknown := sorted(set(self.options) - set(names)):
            raise self.mistake(f"{self.scheme} knows no option {unknown[0]!r}", "known: " + ", ".join(names))

    def choice(self, name: str, allowed: Mapping[str, str], default: str) -> str:
        """The value of an option that takes one of several words; `allowed` maps spellings to meanings."""
        value = self.options.get(name, default)
        if value not in allowed:
            raise self.mistake(f"{name}={value!r} is not known", "one of: " + ", ".join(sorted(set(allowed.values()))))
        return allowed[value]

    def number(self, name: str, default: float, *, lowest: float, highest: float) -> float:
        """The value of an option that takes a number."""
        text = self.options.get(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = float("nan")
        if not lowest <= value <= highest:
            raise self.mistake(f"{name}={text!r} is not a number from {lowest:g} to {highest:g}")
        return value


def parse_address(url: str, *, home: Path = _HERE, setting: str = "LETTERPRESS_ESP") -> EspAddress:
    """Take an ESP's address apart. Raises InputError for what is no URL."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        options = _options(parts)
    except ValueError as error:
        raise InputError(_without_values(error), where=setting, hint="an IPv6 host stands in brackets: smtp://[::1]:25") from None
    return EspAddress(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        username=_decoded(parts.username),
        password=_decoded(parts.password),
        path=unquote(parts.path),
        options=MappingProxyType(options),
        setting=setting,
        home=home,
    )


def _options(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("option")
    return dict(pairs)


def _without_values(error: ValueError) -> str:
    """What urllib found wrong, in our words: its own may quote the password."""
    text = str(error).casefold()
    if "port" in text:
        return "the port of the ESP's address is not a number from 1 to 65535"
    if "option" in text or "query" in text:
        return "the options of the ESP's address are not name=value pairs, each once, joined by &"
    return "the host of the ESP's address cannot be read"


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote(text)
