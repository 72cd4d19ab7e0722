"""What is kept of a request, for telling people from machines later (FACTS §9): enough for that, and no more about the person."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network

from fastapi import Request

from delivery.links import Signer

_LONGEST = 512
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
_V4_BITS, _V6_BITS = 24, 48


@dataclass(frozen=True, slots=True)
class Visit:
    """How the request came. `network`: the /24 or /48 it came from, not the address; None where it is nobody's in particular, such
    as that of a proxy of our own."""

    method: str
    user_agent: str
    network: str | None
    purpose: str | None

    @staticmethod
    def of(request: Request) -> "Visit":
        """Read a request's head."""
        head = request.headers
        return Visit(
            method=request.method,
            user_agent=head.get("user-agent", "")[:_LONGEST],
            network=network_of(request),
            purpose=(head.get("sec-purpose") or head.get("purpose") or "")[:_LONGEST] or None,
        )

    def said(self, signer: Signer, at: datetime) -> dict[str, str | None]:
        """For an event's raw payload. The network is veiled: requests of one day can be compared, and not be traced."""
        network = signer.veiled(self.network, f"{at.astimezone(UTC):%Y-%m-%d}") if self.network else None
        return {"method": self.method, "user_agent": self.user_agent, "network": network, "purpose": self.purpose}


def is_of_this_machine(request: Request) -> bool:
    """Whether a request was made on this machine. One that came through a proxy was not, even though the proxy may be on it."""
    try:
        local = ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False
    return local and not any(name in request.headers for name in _FORWARDED)


def bearer_of(request: Request) -> bytes:
    """The bearer token of a request; empty if it has none."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    return given.strip().encode(errors="replace") if kind.lower() == "bearer" else b""


def network_of(request: Request) -> str | None:
    """The /24 or /48 that a request came from; None where that is nobody's in particular."""
    return network_of_address(request.client.host if request.client else "")


@lru_cache(maxsize=16_384)
def network_of_address(host: str) -> str | None:
    """The network of an address; None where that is nobody's in particular."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if not address.is_global:
        return None
    return str(ip_network(f"{address}/{_V4_BITS if address.version == 4 else _V6_BITS}", strict=False))  # noqa: PLR2004 - IPv4
