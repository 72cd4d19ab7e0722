"""Mailboxes: which of them can be written to (RFC 5321, 5322; email-validator without asking the network)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

# What email-validator accepts for certain, at a hundredth of its cost: plain ASCII, no quoting, no special-use domain.
_PLAIN = re.compile(
    r"(?=.{6,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,61}\.)+[A-Za-z]{2,63}"
)
_SPECIAL = re.compile(r"(?:^|[.@])(?:arpa|invalid|local|localhost|onion|test)\.?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as it is written to, or why it cannot be. Exactly one of the two is None."""

    address: str | None
    problem: str | None = None


def mailboxes(addresses: Sequence[str]) -> list[Mailbox]:
    """Judge addresses, in their order."""
    return [_judged(address) for address in addresses]


def _judged(address: str) -> Mailbox:
    return Mailbox(address) if _PLAIN.fullmatch(address) and not _SPECIAL.search(address) else _looked_up(address)


@lru_cache(10_000)
def _looked_up(address: str) -> Mailbox:
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        return Mailbox(None, str(error))
    if found.ascii_email is None:
        return Mailbox(None, "letters beyond ASCII before the @, which relays do not take")
    return Mailbox(address if address.isascii() else found.ascii_email)
