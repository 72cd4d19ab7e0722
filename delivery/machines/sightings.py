"""What an event says about who is behind it, read from its raw payload: ours, or that of any ESP.

Payloads differ in names, not in kind, so one table of paths serves all: the first path that leads to text is the answer. A payload that
cannot be read says nothing, and nothing said is no evidence for either side.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import orjson

from domain.event import EventKind
from domain.ids import MessageId, RecipientId
from domain.machine import Trace

Path = tuple[str, ...]

UNSUBSCRIBE_LINK = "unsubscribe"  # the link id under which `web` keeps a look at the unsubscribe page
_V4, _V4_BITS, _V6_BITS = 4, 24, 48

_INSIDE: tuple[Path, ...] = ((), ("event-data",), ("msys", "track_event"), ("click",), ("open",), ("data", "click"), ("data", "open"))
_AGENT: tuple[Path, ...] = (("user_agent",), ("useragent",), ("UserAgent",), ("userAgent",), ("client-info", "user-agent"), ("agent",))
_ADDRESS: tuple[Path, ...] = (("ip",), ("ip_address",), ("ipAddress",), ("Geo", "IP"))
_LINK: tuple[Path, ...] = (("url",), ("link",), ("OriginalLink",), ("target_link_url",))
_FLAGS: tuple[Path, ...] = (("sg_machine_open",), ("client-info", "bot"), ("is_prefetched",))
_FLAG_EVENTS = frozenset({"proxy_open", "unique_proxy_open"})  # Brevo's names for what Apple's proxy loads


@dataclass(frozen=True, slots=True)
class Sighting:
    """One event as evidence. `at` in seconds since 1970, `after` in seconds since the hand-off; None means not known.

    `link` tells links of one source apart. `agent` "" was asked for and empty; `network` is a network, never an address.
    """

    event_id: str
    kind: EventKind
    source: str
    recipient_id: RecipientId | None
    message_id: MessageId | None
    domain: str | None
    link: str | None
    agent: str | None
    network: str | None
    posted: bool
    prefetched: bool
    flagged: bool
    at: float
    after: float | None


def sighting_of(trace: Trace) -> Sighting:
    """Read one event."""
    event, said = trace.event, _read(trace.event.raw)
    at = event.occurred_at.timestamp()
    unsubscribing = event.kind is EventKind.UNSUBSCRIBED
    return Sighting(
        event_id=event.event_id,
        kind=event.kind,
        source=event.source,
        recipient_id=event.recipient_id,
        message_id=event.message_id,
        domain=trace.domain,
        link=UNSUBSCRIBE_LINK if unsubscribing else _link(said),
        agent=_text(said, _AGENT),
        network=_network(said),
        posted=unsubscribing and said.get("method") == "POST",
        prefetched="prefetch" in str(said.get("purpose") or "").lower(),
        flagged=any(_at(said, path) for path in _inside(_FLAGS)) or _text(said, (("event",),)) in _FLAG_EVENTS,
        at=at,
        after=at - trace.handed_off_at.timestamp() if trace.handed_off_at else None,
    )


def _read(raw: str) -> dict[str, Any]:
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _link(said: dict[str, Any]) -> str | None:
    """Ours by id and position, since one link may stand in several positions; an ESP's by its address."""
    if isinstance(link := said.get("link_id"), str):
        return link if link == UNSUBSCRIBE_LINK else f"{link}/{said.get('position')}"
    return _text(said, _LINK) or None


def _network(said: dict[str, Any]) -> str | None:
    """As `web` wrote it down, else the /24 or /48 of the address that an ESP saw. Networks that are nobody's in particular are unknown."""
    if isinstance(network := said.get("network"), str):
        return network
    try:
        address = ip_address(_text(said, _ADDRESS) or "")
    except ValueError:
        return None
    bits = _V4_BITS if address.version == _V4 else _V6_BITS
    return str(ip_network(f"{address}/{bits}", strict=False)) if address.is_global else None


def _text(said: dict[str, Any], paths: Iterable[Path]) -> str | None:
    return next((found for path in _inside(paths) if isinstance(found := _at(said, path), str)), None)


def _inside(paths: Iterable[Path]) -> list[Path]:
    return [(*outer, *path) for outer in _INSIDE for path in paths]


def _at(said: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(said, dict):
            return None
        said = said.get(step)
    return said
