"""SPF records (RFC 7208): what they say, and how many look-ups they cost whoever reads them."""

import re
from dataclasses import dataclass, field

from delivery.compliance.lookup import Nothing, Records, Resolver, Unanswered

MOST_LOOKUPS = 10  # RFC 7208 §4.6.4: one more is a permanent error, and SPF does not pass
_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:[:/](.*))?|([A-Za-z][\w.-]*)=(.*)", re.IGNORECASE)
_ASKS = frozenset(("include", "a", "mx", "ptr", "exists"))


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism with its qualifier (`+` unless written), or a modifier such as redirect (qualifier empty)."""

    name: str
    value: str
    qualifier: str


@dataclass
class SpfFacts:
    """What reading a record to its end brings up. `fault`: why every reader gives up on it; `doubt`: what could not be looked up."""

    lookups: int = 0
    included: list[str] = field(default_factory=list)
    allows_all: bool = False
    fault: str | None = None
    doubt: str | None = None


def spf_records(values: tuple[str, ...]) -> tuple[str, ...]:
    """Those TXT records that are SPF records (§4.5)."""
    return tuple(value for value in values if value.lower() == "v=spf1" or value.lower().startswith("v=spf1 "))


def terms_of(record: str) -> list[Term] | str:
    """The terms of a record; the word that is none if one is not."""
    terms: list[Term] = []
    for word in record.split()[1:]:
        found = _TERM.fullmatch(word)
        if not found:
            return word
        if found[2]:
            terms.append(Term(found[2].lower(), found[3] or "", found[1] or "+"))
        else:
            terms.append(Term(found[4].lower(), found[5], ""))
    return terms


def follow(domain: str, record: str, resolver: Resolver) -> SpfFacts:
    """Read a record and all that it includes, until it is through or asks for more than the limit."""
    facts = SpfFacts()
    _follow(domain, record, resolver, facts, outermost=True)
    return facts


def _follow(domain: str, record: str, resolver: Resolver, facts: SpfFacts, *, outermost: bool) -> None:
    terms = terms_of(record)
    if isinstance(terms, str):
        facts.fault = facts.fault or f"the record of {domain} holds {terms!r}, which SPF does not know"
        return
    facts.allows_all |= outermost and any(term.name == "all" and term.qualifier == "+" for term in terms)
    ends = any(term.name == "all" for term in terms)  # then a redirect is not followed (§6.1)
    for term in terms:
        if term.name in _ASKS or (term.name == "redirect" and not ends):
            facts.lookups += 1
            if facts.lookups > MOST_LOOKUPS:
                facts.fault = facts.fault or f"reading it takes more than {MOST_LOOKUPS} look-ups"
                return
            if term.name in ("include", "redirect") and "%" not in term.value:  # macros depend on the letter
                _include(term.value.lower().rstrip("."), resolver, facts)


def _include(domain: str, resolver: Resolver, facts: SpfFacts) -> None:
    facts.included.append(domain)
    match resolver.look_up(domain, "TXT"):
        case Unanswered(reason):
            facts.doubt = facts.doubt or reason
        case Records(values) if len(found := spf_records(values)) == 1:
            _follow(domain, found[0], resolver, facts, outermost=False)
        case Records() | Nothing():
            facts.fault = facts.fault or f"it includes {domain}, which has no SPF record of its own"
