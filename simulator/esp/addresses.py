"""Mailboxes as providers take them: bare addresses, or with a name before them."""

import re
from email.utils import getaddresses, parseaddr

_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+\.[^\s@<>,;\".]+$")


def address_in(mailbox: str) -> str:
    """The bare address of a mailbox such as `Ada <ada@example.com>`."""
    return mailbox if _ADDRESS.match(mailbox) else parseaddr(mailbox)[1]


def addresses_in(mailboxes: str) -> list[str]:
    """The bare addresses of a list of mailboxes that commas separate."""
    if _ADDRESS.match(mailboxes):
        return [mailboxes]
    return [address for _, address in getaddresses([mailboxes]) if address]


def plausible(address: str) -> bool:
    """Whether a provider would take it for an address."""
    return bool(_ADDRESS.match(address))


def mailbox(address: str, name: object) -> str:
    """A mailbox to show in a header."""
    return f'"{name}" <{address}>' if name else address
