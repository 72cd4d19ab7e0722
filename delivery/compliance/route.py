"""Which way a campaign's letters go, as far as the checks want to know: through whom, and whether anybody outside gets them."""

from dataclasses import dataclass
from enum import StrEnum

from delivery.compliance.domains import address_in
from delivery.esp.address import EspAddress

_SMTP = frozenset(("smtp", "smtps"))
# Where relays listen. Beside these, a server on this machine is a simulator or a mail catcher: no relay of a system listens elsewhere.
_RELAY_PORTS = frozenset((None, 25, 465, 587))


class Reach(StrEnum):
    """Who can get the letters."""

    FOLDER = "letters go into a folder and reach nobody"
    LOCAL = "letters go to a server on this machine and reach nobody"
    WORLD = "letters go out"


@dataclass(frozen=True, slots=True)
class Route:
    """`esp` is the scheme of its address: sendgrid, smtp, …"""

    esp: str
    reach: Reach

    @property
    def leaves(self) -> bool:
        """Whether letters reach people."""
        return self.reach is Reach.WORLD

    @property
    def is_relay(self) -> bool:
        """Whether it is spoken to in SMTP: then the envelope's sender is the address in From."""
        return self.esp in _SMTP


def route_of(address: EspAddress) -> Route:
    """The route that an ESP's address names."""
    if address.scheme == "folder":
        return Route(address.scheme, Reach.FOLDER)
    host = (address.host or "").lower()
    loopback = host == "localhost" or ((ip := address_in(host)) is not None and ip.is_loopback)
    relay = address.scheme in _SMTP and address.port in _RELAY_PORTS
    return Route(address.scheme, Reach.LOCAL if loopback and not relay else Reach.WORLD)
