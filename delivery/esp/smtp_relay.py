"""A relay: what its address says, and how a connection to it is opened (EHLO, STARTTLS or implicit TLS, AUTH)."""

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from enum import Enum

from delivery.esp.address import EspAddress
from delivery.esp.smtp_replies import Reply
from domain.errors import InputError, LetterpressError, UnavailableError

OPTIONS = ("starttls", "ca", "timeout", "final_timeout", "per_connection", "helo")
_DEFAULT_PORTS = {"smtp": 587, "smtps": 465}  # RFC 8314: submission, and submission over implicit TLS
_READY = 220
_TRUST = "?ca=FILE names the authority of a private certificate"
_STARTTLS = {"required": "required", "require": "required", "opportunistic": "opportunistic", "none": "none"}


class Tls(Enum):
    """How the connection is protected."""

    IMPLICIT = "implicit"
    REQUIRED = "required"
    OPPORTUNISTIC = "opportunistic"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where letters go and how. Seconds: `timeout` for each step, `final_timeout` for the answer to a whole letter."""

    host: str
    port: int
    tls: Tls
    username: str | None
    password: str | None = field(repr=False)
    context: ssl.SSLContext
    timeout: float
    final_timeout: float
    per_connection: int
    helo: str | None
    setting: str

    @property
    def place(self) -> str:
        """host:port, which is all that messages ever tell of the address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def relay_of(address: EspAddress) -> Relay:
    """Read a relay's address. STARTTLS is required where a password would travel, else used where it is offered."""
    address.allow(OPTIONS)
    if not address.host:
        raise address.mistake("the relay's address names no host", "such as smtp://user:password@smtp.example.com:587")
    if address.path not in ("", "/"):
        raise address.mistake("a relay's address has no path", "options follow after a question mark")
    if (address.username is None) != (address.password is None):
        raise address.mistake("the relay's address has a user name or a password but not both")
    return Relay(
        host=address.host,
        port=address.port or _DEFAULT_PORTS[address.scheme],
        tls=_tls(address),
        username=address.username,
        password=address.password,
        context=_context(address),
        timeout=address.number("timeout", 30, lowest=0.1, highest=600),
        final_timeout=address.number("final_timeout", 300, lowest=0.1, highest=3600),
        per_connection=int(address.number("per_connection", 100, lowest=1, highest=1_000_000)),
        helo=address.options.get("helo"),
        setting=address.setting,
    )


def connect(relay: Relay) -> smtplib.SMTP:
    """A connection that is ready for a letter. Raises UnavailableError or InputError, telling host:port and no secrets."""
    connection: smtplib.SMTP | None = None
    try:
        connection = _open(relay)
        _greet(connection, relay)
        _secure(connection, relay)
        _log_in(connection, relay)
    except (smtplib.SMTPException, OSError, UnicodeError, LetterpressError) as error:
        if connection is not None:
            connection.close()
        raise _explained(error, relay) from None
    return connection


def _open(relay: Relay) -> smtplib.SMTP:
    # A name is given because smtplib would otherwise look its own up, which can take seconds without DNS.
    name = relay.helo or "localhost"
    if relay.tls is Tls.IMPLICIT:
        return smtplib.SMTP_SSL(relay.host, relay.port, name, timeout=relay.timeout, context=relay.context)
    return smtplib.SMTP(relay.host, relay.port, name, timeout=relay.timeout)


def _greet(connection: smtplib.SMTP, relay: Relay) -> None:
    if relay.helo is None:
        connection.local_hostname = _own_name(connection)
    if isinstance(connection.sock, socket.socket):
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the final dot goes by itself: do not hold it back
    connection.ehlo_or_helo_if_needed()


def _own_name(connection: smtplib.SMTP) -> str:
    """What to say in EHLO: this host's full name, else its address as a literal (RFC 5321 §4.1.3)."""
    name = socket.gethostname()
    if "." in name:
        return name
    address = str(connection.sock.getsockname()[0]) if connection.sock else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _secure(connection: smtplib.SMTP, relay: Relay) -> None:
    if relay.tls not in (Tls.REQUIRED, Tls.OPPORTUNISTIC):
        return
    if connection.has_extn("starttls"):
        code, text = connection.starttls(context=relay.context)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, text)
        connection.ehlo_or_helo_if_needed()
    elif relay.tls is Tls.REQUIRED:
        hint = "add ?starttls=none only for a relay on this machine or in a network you trust"
        raise InputError("the relay offers no STARTTLS, which is required", where=relay.place, hint=hint)


def _log_in(connection: smtplib.SMTP, relay: Relay) -> None:
    if relay.username is not None and relay.password is not None:
        connection.login(relay.username, relay.password)


def _explained(error: Exception, relay: Relay) -> LetterpressError:
    """The error in our words. smtplib's own can hold what was sent to the relay, the password included."""
    see = f"see {relay.setting}"
    match error:
        case LetterpressError():
            return error
        case UnicodeError():
            return InputError("user name and password for the relay must be plain ASCII", where=relay.place, hint=see)
        case smtplib.SMTPNotSupportedError():
            return InputError("the relay offers no login that we know", where=relay.place, hint="many offer it over TLS only")
        case smtplib.SMTPResponseException():
            told = _reply(error)
            if isinstance(error, smtplib.SMTPAuthenticationError) and told.for_good:
                return InputError(f"the relay refuses user name and password: {told.reason}", where=relay.place, hint=see)
            return UnavailableError(f"the relay turns us away: {told.reason}", where=relay.place)
    return UnavailableError(_silence(error), where=relay.place, hint=_TRUST if isinstance(error, ssl.SSLCertVerificationError) else None)


def _silence(error: Exception) -> str:
    """Why no dialogue came about."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the relay's certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with the relay: {error.reason or 'the handshake failed'}"
        case TimeoutError():
            return "the relay does not answer in time"
        case smtplib.SMTPServerDisconnected():
            return "the relay closed the connection"
        case OSError():
            return f"the relay does not answer: {error.strerror or type(error).__name__}"
    return f"no connection to the relay: {type(error).__name__}"


def _reply(error: smtplib.SMTPResponseException) -> Reply:
    text = error.smtp_error
    return Reply(error.smtp_code, text.decode("utf-8", "replace") if isinstance(text, bytes) else text)


def _tls(address: EspAddress) -> Tls:
    if address.scheme == "smtps":
        if "starttls" in address.options:
            raise address.mistake("smtps:// is TLS from the first byte and takes no starttls", "use smtp:// for STARTTLS")
        return Tls.IMPLICIT
    return Tls(address.choice("starttls", _STARTTLS, "required" if address.password is not None else "opportunistic"))


def _context(address: EspAddress) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=address.options.get("ca"))
    except (OSError, ssl.SSLError):
        raise address.mistake("the file that ca= names cannot be read as certificates") from None
