"""DKIM keys (RFC 6376, RFC 8301): where they are looked for, and whether one can be signed with."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from delivery.compliance.domains import itself_and_parents
from delivery.compliance.lookup import Nothing, Records, Resolver, Unanswered
from delivery.compliance.tags import tags_of

SHORTEST_KEY = 1024  # bits of RSA: verifiers must not accept fewer (RFC 8301 §3.2), Gmail neither
# Where each ESP's set-up page asks for a key, as far as that is the same for all of its customers. Amazon SES draws random names, Postmark
# and SparkPost number theirs, Mailgun's are chosen by region and age of the account: nobody can guess those.
USUAL_SELECTORS: Mapping[str, tuple[str, ...]] = {
    "sendgrid": ("s1", "s2"),
    "mailjet": ("mailjet",),
    "resend": ("resend",),
    "brevo": ("brevo1", "brevo2", "mail"),
}
_SELECTOR = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_ED25519_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the DNS has it. `fault`: why no signature by it counts; `testing`: receivers may ignore it (t=y)."""

    selector: str
    domain: str
    kind: str = "rsa"
    bits: int | None = None
    fault: str | None = None
    testing: bool = False


@dataclass(frozen=True, slots=True)
class Keyring:
    """What looking for keys brought: the keys, and what could not be asked."""

    keys: tuple[Key, ...]
    doubt: str | None

    @property
    def usable(self) -> tuple[Key, ...]:
        """The keys that letters can be signed with."""
        return tuple(key for key in self.keys if key.fault is None)


def is_selector(text: str) -> bool:
    """Whether a selector can be written so (§3.1): labels of a host's name."""
    return _SELECTOR.fullmatch(text) is not None


def look_for_keys(domain: str, selectors: tuple[str, ...], resolver: Resolver) -> Keyring:
    """The keys of these selectors at the domain and at those above it, whose signatures align with it when alignment is relaxed."""
    keys, doubt = list[Key](), None
    for selector in selectors:
        for at in itself_and_parents(domain):
            match resolver.look_up(f"{selector}._domainkey.{at}", "TXT"):
                case Unanswered(reason):
                    doubt = doubt or reason
                case Records(values):
                    keys += [key_in(value, selector, at) for value in values if "p=" in value.replace(" ", "")]
                case Nothing():
                    pass
    return Keyring(tuple(keys), doubt)


def key_in(record: str, selector: str, domain: str) -> Key:
    """The key that a record publishes (§3.6.1)."""
    tags = tags_of(record)
    if tags is None or "p" not in tags or tags.get("v", "DKIM1") != "DKIM1":
        return Key(selector, domain, fault="cannot be read")
    kind, testing = tags.get("k", "rsa").lower(), "y" in tags.get("t", "").split(":")
    if not tags["p"]:
        return Key(selector, domain, kind, fault="was revoked (p= is empty)")
    bits = _bits(kind, tags["p"])
    if bits is None:
        return Key(selector, domain, kind, fault="cannot be read")
    short = f"has {bits} bits; fewer than {SHORTEST_KEY} are not accepted" if kind == "rsa" and bits < SHORTEST_KEY else None
    return Key(selector, domain, kind, bits, short, testing)


def _bits(kind: str, base64: str) -> int | None:
    """How many bits the key has; None for what is no key of this kind."""
    try:
        data = b64decode("".join(base64.split()), validate=True)
        if kind == "ed25519":
            return len(data) * 8 if len(data) == _ED25519_BYTES else None
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, RSAPublicKey) else None


def described(keys: tuple[Key, ...]) -> Iterator[str]:
    """Each key in words."""
    for key in keys:
        strength = f"{key.kind} with {key.bits} bits" if key.bits else key.kind
        yield f"{key.selector} at {key.domain} ({key.fault or strength})"
