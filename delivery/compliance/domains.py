"""What a host's name says of it: whose it is, and whether anybody outside can reach it. Pure.

Lists are of what mail is really sent from and linked to; a name that is missing costs a warning, never a send.
"""

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

# Providers whose names belong to them: mail from there that they did not send fails DMARC (Gmail, Yahoo and others reject or junk it).
_FREE = frozenset(
    (
        *("gmail.com", "googlemail.com", "ymail.com", "rocketmail.com", "aol.com", "msn.com", "passport.com"),
        *("icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "pm.me", "tutanota.com", "tuta.io", "hey.com"),
        *("fastmail.com", "zohomail.com", "mail.com", "email.com", "inbox.com", "hushmail.com", "web.de", "t-online.de", "freenet.de"),
        *(
            "arcor.de",
            "posteo.de",
            "mailbox.org",
            "orange.fr",
            "wanadoo.fr",
            "laposte.net",
            "free.fr",
            "sfr.fr",
            "libero.it",
            "virgilio.it",
        ),
        *("wp.pl", "o2.pl", "onet.pl", "interia.pl", "seznam.cz", "centrum.cz", "mail.ru", "bk.ru", "list.ru", "inbox.ru", "ukr.net"),
        *("qq.com", "163.com", "126.com", "sina.com", "naver.com", "hanmail.net", "daum.net", "rediffmail.com", "uol.com.br", "bol.com.br"),
        *("comcast.net", "verizon.net", "att.net", "sbcglobal.net", "btinternet.com", "bluewin.ch", "ziggo.nl", "telenet.be"),
    )
)
_FREE_FAMILIES = frozenset(("yahoo", "hotmail", "outlook", "live", "gmx", "yandex"))  # yahoo.de, hotmail.co.uk, …
_LONGEST_FAMILY_ENDING = 2  # labels after the family's name: co.uk

# RFC 2606 and 6761, and names that never leave a network (RFC 6762, RFC 8375, ICANN's .internal).
_RESERVED = frozenset(("example", "test", "invalid", "localhost", "local", "internal", "onion", "alt", "lan", "home", "corp"))
_RESERVED_NAMES = frozenset(("example.com", "example.net", "example.org", "home.arpa"))

_SHORTENERS = frozenset(
    (
        *("bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "v.gd", "buff.ly", "cutt.ly", "t.ly", "tiny.cc", "lnkd.in"),
        *("rb.gy", "shorturl.at", "bl.ink", "s.id", "adf.ly", "short.io", "rebrand.ly", "shorte.st", "soo.gd", "clck.ru", "u.to", "tr.im"),
    )
)


def is_free_mailbox(domain: str) -> bool:
    """Whether anybody can have an address there, so that nobody else may write from it."""
    first, _, rest = domain.lower().partition(".")
    return domain.lower() in _FREE or (first in _FREE_FAMILIES and len(rest.split(".")) <= _LONGEST_FAMILY_ENDING and bool(rest))


def is_shortener(host: str) -> bool:
    """Whether the host hides where a link leads, and is shared with whoever else hides it there."""
    return host.lower().removeprefix("www.") in _SHORTENERS


def address_in(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host is written as, if it is one."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def unreachable(host: str) -> str | None:
    """Why nobody outside this network can reach a host, as far as its name tells; None if they may."""
    if address := address_in(host):
        return None if address.is_global else "an address of a private network or of this machine"
    labels = host.lower().rstrip(".").split(".")
    if len(labels) == 1:
        return "a name without a domain"
    if labels[-1] in _RESERVED or ".".join(labels[-2:]) in _RESERVED_NAMES:
        return "a name that is reserved for examples and private networks"
    return None


def split(url: str) -> SplitResult | None:
    """The parts of an address that begins with http:// or https://; None for any other, and for what cannot be read."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None


def itself_and_parents(domain: str) -> Iterator[str]:
    """The domain and those above it, down to two labels: shop.letters.example.com, letters.example.com, example.com."""
    labels = domain.lower().split(".")
    for start in range(max(1, len(labels) - 1)):
        yield ".".join(labels[start:])
