"""Where the letter's links and pictures lead: over https, to places that readers and filters know."""

import re
from collections.abc import Iterator, Mapping
from html import escape, unescape

from delivery.compliance.domains import address_in, is_shortener, split, unreachable
from delivery.compliance.inspection import Inspection
from delivery.compliance.report import CheckId, Finding, Level, Place

_ADDRESS = re.compile(r"""(?<=\s)(?:href|src|background)\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE)
_MOST = 10  # findings of one kind that are listed one by one


def http_links(seen: Inspection) -> Iterator[Finding]:
    """Links and pictures are https: browsers warn of http, mail programs do not load it, and filters weigh it. WARN, for each address."""
    found = {url: place for url, place in _addresses(seen).items() if url.lower().startswith("http://")}
    yield from _listed(CheckId.HTTP_LINKS, {url: (Level.WARN, "is not https", place) for url, place in found.items()}, "write https://")


def link_hosts(seen: Inspection) -> Iterator[Finding]:
    """Links lead to named hosts that anybody can reach, and say where they lead: STOP for hosts of private networks and examples, once
    letters reach people; WARN for IP addresses, for shorteners (which blocklists name, since spam hides there), for links with a
    password in them."""
    found: dict[str, tuple[Level, str, Place | None]] = {}
    for url, place in _addresses(seen).items():
        if verdict := _verdict(url, seen):
            found[url] = (*verdict, place)
    yield from _listed(CheckId.LINK_HOSTS, found, "link to the page itself, at a domain of your own")


def _verdict(url: str, seen: Inspection) -> tuple[Level, str] | None:
    parts = split(url)
    if parts is None or not parts.hostname:
        return None
    host = parts.hostname
    if reason := unreachable(host):
        return (Level.STOP, f"leads nowhere for readers: {host} is {reason}") if seen.route.leaves else None
    if address_in(host):
        return Level.WARN, "leads to an IP address, as those of spam do"
    if is_shortener(host):
        return Level.WARN, f"hides where it leads behind {host}, which blocklists know"
    return (Level.WARN, "has a user name in it") if parts.username else None


def _addresses(seen: Inspection) -> Mapping[str, Place | None]:
    """Every address that links of the content or pictures of the sample have, our own left out, with where it is written."""
    own = seen.public_url.rstrip("/")
    written = [link.url for link in seen.content.links if not link.dynamic]
    printed = (unescape(found[1:-1]) for sample in seen.samples for found in _ADDRESS.findall(sample.preview.html))
    urls = dict.fromkeys(url.strip() for url in (*written, *printed) if split(url) and not url.startswith(own))
    return {url: seen.place_of(url, escape(url, quote=False)) for url in urls}


def _listed(check: CheckId, found: Mapping[str, tuple[Level, str, Place | None]], hint: str) -> Iterator[Finding]:
    """A finding per address that is written somewhere; those that are made from recipients' values are counted, not shown."""
    shown = [(url, *verdict) for url, verdict in found.items() if verdict[2]]
    for url, level, what, place in shown[:_MOST]:
        yield Finding(check, level, f"{url} {what}", place, hint)
    for level in Level:
        more = sum(one[1] is level for one in shown[_MOST:])
        made = sum(verdict[0] is level and verdict[2] is None for verdict in found.values())
        if more:
            yield Finding(check, level, f"{more} more such addresses", None, hint)
        if made:
            yield Finding(check, level, f"{made} such addresses are made from values of recipients", None, hint)
