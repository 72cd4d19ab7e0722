"""Where an HTTP API is and what it is told about us, from an ESP's address: `sendgrid://:KEY@`, `mailjet://KEY:SECRET@host/prefix`.

One form for all: `<scheme>://[account]:<secret>@[host[:port]][/prefix][?options]`. Without a host it is the ESP's own. It is always
spoken to over verified TLS, but for a host on this machine, which is a simulator's or a test's.
"""

import hashlib
import ipaddress
import ssl
from dataclasses import dataclass, field

from delivery.esp.address import EspAddress

OPTIONS = ("secret_file", "timeout", "connect_timeout", "ca")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how it is spoken to. Seconds: to connect, and to wait for each piece of an answer."""

    host: str
    port: int
    context: ssl.SSLContext | None = field(repr=False)
    connect_timeout: float
    timeout: float
    prefix: str
    setting: str

    @property
    def scheme(self) -> str:
        """https, or http on this machine."""
        return "https" if self.context else "http"

    @property
    def place(self) -> str:
        """host, or host:port where the port is not the scheme's own; which is all that messages tell of the address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.place}"


def endpoint_of(address: EspAddress, own_host: str, *options: str) -> Endpoint:
    """The endpoint that an address names; `own_host` is the ESP's own, `options` what this ESP knows beside the common ones."""
    address.allow((*options, *OPTIONS))
    host = address.host or own_host
    local = _is_loopback(host)
    return Endpoint(
        host=host,
        port=address.port or _PORTS["http" if local else "https"],
        context=None if local else _context(address),
        connect_timeout=address.number("connect_timeout", 10, lowest=0.1, highest=120),
        timeout=address.number("timeout", 60, lowest=0.1, highest=600),
        prefix=address.path.rstrip("/"),
        setting=address.setting,
    )


def secret_of(address: EspAddress, what: str) -> str:
    """The key: in the address, or in the file that secret_file= names (relative to Letterpress's home)."""
    file = address.options.get("secret_file")
    if (file is None) == (not address.password):
        hint = f"such as {address.scheme}://:KEY@ with the key percent-encoded, or {address.scheme}://?secret_file=PATH"
        raise address.mistake(f"{address.scheme} takes {what} in the address or in a file, and needs one of the two", hint)
    secret = address.password if file is None else _read(address, file)
    if not secret or not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise address.mistake(f"{what} has characters that no key has", "percent-encode it; a key is one line of plain ASCII")
    return secret


def account_of(address: EspAddress, endpoint: Endpoint, own_host: str, secret: str) -> str:
    """The account's name without its secret: as the address calls it, else a fingerprint; and the host if it is not the ESP's own.

    The ledger keeps it with every claim: a call that is repeated, or a question that is asked, must go to the same account.
    """
    account = address.username or hashlib.sha256(secret.encode()).hexdigest()[:8]
    elsewhere = "" if endpoint.place == own_host else f"@{endpoint.place}"
    return f"{address.scheme}:{account}{elsewhere}"


def _read(address: EspAddress, file: str) -> str:
    try:
        return (address.home / file).read_text("utf-8").strip()
    except (OSError, ValueError):
        raise address.mistake("the file that secret_file= names cannot be read") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(address: EspAddress) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=address.options.get("ca"))
    except (OSError, ssl.SSLError):
        raise address.mistake("the file that ca= names cannot be read as certificates") from None
