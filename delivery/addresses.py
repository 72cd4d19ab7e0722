"""Which addresses can stand in a header: what a mail program, a relay or an ESP could read as more than one address never does."""

import re

# A dot-atom or any other run of characters without meaning in RFC 5322's grammar; quoted local parts are not written to.
_LOCAL = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;,@\\\"]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_LONGEST = 254  # RFC 5321, as corrected by RFC 3696 erratum 1690


def address_fault(address: str) -> str | None:
    """What is wrong with an address (never the address itself), or None when it may stand in a header."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "not an address: expected name@domain"
    if len(address) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    if not address.isascii():
        return "has characters outside ASCII; write an international domain in its xn-- form"
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return "has characters that an address in a header cannot have"
    return None


def domain_of(address: str) -> str:
    """The part after the @, in lower case."""
    return address.rpartition("@")[2].lower()
