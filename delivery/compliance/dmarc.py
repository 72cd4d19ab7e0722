"""DMARC policies (RFC 7489): finding the one that holds for a domain."""

from dataclasses import dataclass

from delivery.compliance.domains import itself_and_parents
from delivery.compliance.lookup import Nothing, Records, Resolver, Unanswered
from delivery.compliance.tags import tags_of

_POLICIES = frozenset(("none", "quarantine", "reject"))


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy for letters from a domain, and the domain whose record says so. Strict alignment asks for the very same domain."""

    policy: str
    domain: str
    strict_dkim: bool
    strict_spf: bool
    reports_to: str | None


@dataclass(frozen=True, slots=True)
class NoPolicy:
    """No policy holds; `why` where that is not simply because there is no record."""

    why: str | None = None


def find_policy(domain: str, resolver: Resolver) -> Policy | NoPolicy | Unanswered:
    """The policy for letters from a domain: its own record, else the nearest one above it.

    RFC 7489 §6.6.3 asks the domain and then its organisational domain, which takes a list of public suffixes to know; its successor
    walks up the tree instead, and so do we. A record of a public suffix (psd=y) is nobody's own.
    """
    for at in itself_and_parents(domain):
        match resolver.look_up(f"_dmarc.{at}", "TXT"):
            case Unanswered() as unanswered:
                return unanswered
            case Records(values):
                records = [value for value in values if value.split(";")[0].replace(" ", "") == "v=DMARC1"]
                if len(records) > 1:
                    return NoPolicy(f"_dmarc.{at} has {len(records)} DMARC records, which counts as none")
                if records and (found := _policy(records[0], at, own=at == domain)):
                    return found
            case Nothing():
                pass
    return NoPolicy()


def _policy(record: str, at: str, *, own: bool) -> Policy | NoPolicy | None:
    """What a record says for a domain that is its own or below it; None for a public suffix's."""
    tags = tags_of(record)
    if tags is None:
        return NoPolicy(f"the record at _dmarc.{at} cannot be read")
    if tags.get("psd", "").lower() == "y":
        return None
    policy = tags.get("p", "").lower() if own else tags.get("sp", tags.get("p", "")).lower()
    if policy not in _POLICIES:
        if "mailto:" not in tags.get("rua", ""):
            return NoPolicy(f"the record at _dmarc.{at} names no policy (p=none, quarantine or reject)")
        policy = "none"  # §6.6.3: reports are wanted, so it is read as p=none
    strict = {name: tags.get(name, "r").lower() == "s" for name in ("adkim", "aspf")}
    return Policy(policy, at, strict["adkim"], strict["aspf"], tags.get("rua"))
