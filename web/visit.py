"""What is kept of a request, for telling people from machines later (FACTS §9): enough for that, and no more about the person."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from fastapi import Request

_LONGEST = 512
_V4_BITS, _V6_BITS = 24, 48


@dataclass(frozen=True, slots=True)
class Visit:
    """How the request came. `network`: the /24 or /48 it came from, not the address."""

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
            network=_network(request.client.host if request.client else ""),
            purpose=(head.get("sec-purpose") or head.get("purpose") or "")[:_LONGEST] or None,
        )

    def said(self) -> dict[str, str | None]:
        """For an event's raw payload."""
        return {"method": self.method, "user_agent": self.user_agent, "network": self.network, "purpose": self.purpose}


def _network(host: str) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return str(ip_network(f"{address}/{_V4_BITS if address.version == 4 else _V6_BITS}", strict=False))  # noqa: PLR2004 - IPv4
