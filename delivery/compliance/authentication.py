"""Whether receivers can know that letters are the sender's own: SPF, DKIM, DMARC, and that what passes is the domain in From.

Rules: Gmail and Yahoo since February 2024, Microsoft since May 2025, for whoever sends some 5,000 letters a day to their mailboxes: SPF
and DKIM set up, a DMARC record with p=none at least, and one of SPF and DKIM aligned with the domain in From (FACTS §10). Receivers judge
letters, and here is none on its way yet; so what is found is what a receiver would look up. What cannot be looked up is UNCHECKED.
"""

from collections.abc import Iterator

from delivery.compliance.dkim import USUAL_SELECTORS, Keyring, described, look_for_keys
from delivery.compliance.dmarc import NoPolicy, Policy, find_policy
from delivery.compliance.domains import unreachable
from delivery.compliance.inspection import BULK, Inspection
from delivery.compliance.lookup import Records, Unanswered
from delivery.compliance.report import CheckId, Finding, Level
from delivery.compliance.spf import SpfFacts, follow, spf_records


def spf(seen: Inspection) -> Iterator[Finding]:
    """One SPF record (RFC 7208 §4.5), readable, within ten look-ups (§4.6.4), and not one that lets everybody send.

    SPF is judged on the envelope's sender. To a relay that is the address in From, so a broken record is a STOP. ESPs mostly use a domain
    of their own there, or one set up for it, so with them nothing here is more than a WARN.
    """
    if skipped := _skipped(seen, CheckId.SPF):
        yield skipped
        return
    domain, broken = seen.from_domain, Level.STOP if seen.route.is_relay else Level.WARN
    answer = seen.resolver.look_up(domain, "TXT")
    if isinstance(answer, Unanswered):
        yield _unanswered(CheckId.SPF, answer.reason)
        return
    records = spf_records(answer.values) if isinstance(answer, Records) else ()
    if not records:
        yield Finding(CheckId.SPF, Level.WARN, f"{domain} has no SPF record", hint="publish one that names whoever sends for it")
    elif len(records) > 1:
        what = f"{domain} has {len(records)} SPF records: receivers use none of them"
        yield Finding(CheckId.SPF, broken, what, hint="make one record of them")
    else:
        yield _spf_verdict(domain, follow(domain, records[0], seen.resolver), broken, seen)


def _spf_verdict(domain: str, facts: SpfFacts, broken: Level, seen: Inspection) -> Finding:
    if facts.fault:
        return Finding(CheckId.SPF, broken, f"receivers give up on the SPF record of {domain}: {facts.fault}")
    if facts.allows_all:
        return Finding(CheckId.SPF, Level.WARN, f"the SPF record of {domain} lets everybody send (+all)", hint="end it with -all or ~all")
    if facts.doubt:
        return _unanswered(CheckId.SPF, facts.doubt)
    whose = "" if seen.route.is_relay else f"; {seen.route.esp} may use an envelope of another domain, which only a letter shows"
    return Finding(CheckId.SPF, Level.PASS, f"{domain} has an SPF record of {facts.lookups} look-ups{whose}")


def dkim(seen: Inspection) -> Iterator[Finding]:
    """A key that letters are signed with is published (RFC 6376 §3.6), not revoked, of 1024 bits at least (RFC 8301 §3.2).

    Which selector an ESP signs with is not in the DNS. Known are those of the setting `dkim_selectors`, where a missing key is a STOP, and
    the names that an ESP's set-up page asks for, where it is a WARN because others can be agreed on. Else it is UNCHECKED.
    """
    if skipped := _skipped(seen, CheckId.DKIM):
        yield skipped
        return
    selectors, hint = _selectors(seen), 'name those you sign with in letterpress.toml: dkim_selectors = "s1,s2"'
    if not selectors:
        what = f"could not check: the DNS does not tell which selectors {seen.route.esp} signs with"
        yield Finding(CheckId.DKIM, Level.UNCHECKED, what, hint=hint)
        return
    found = look_for_keys(seen.from_domain, selectors, seen.resolver)
    names = ", ".join(selectors)
    if found.usable:
        testing = all(key.testing for key in found.usable)
        what = "; ".join(described(found.usable)) + (": marked as a test (t=y), which receivers may ignore" if testing else "")
        yield Finding(CheckId.DKIM, Level.WARN if testing else Level.PASS, what)
    elif found.doubt:
        yield _unanswered(CheckId.DKIM, found.doubt)
    elif found.keys:
        yield Finding(CheckId.DKIM, Level.STOP, "no signature counts: " + "; ".join(described(found.keys)), hint="publish a new key")
    elif seen.selectors:
        what = f"{seen.from_domain} has no key of the selectors that dkim_selectors names: {names}"
        yield Finding(CheckId.DKIM, Level.STOP, what, hint="publish the keys that your ESP shows")
    else:
        what = f"{seen.from_domain} has no key under the names that {seen.route.esp} usually asks for: {names}"
        yield Finding(CheckId.DKIM, Level.WARN, what, hint=f"publish what its set-up page shows, or {hint}")


def dmarc(seen: Inspection) -> Iterator[Finding]:
    """A DMARC policy holds for the domain in From (RFC 7489 §6.6.3), p=none at least. Without one it is a STOP for bulk senders, whose
    letters Microsoft rejects and Gmail turns down; else a WARN."""
    if skipped := _skipped(seen, CheckId.DMARC):
        yield skipped
        return
    match find_policy(seen.from_domain, seen.resolver):
        case Unanswered(reason):
            yield _unanswered(CheckId.DMARC, reason)
        case NoPolicy(why):
            what = why or f"{seen.from_domain} has no DMARC policy"
            bulk = f"; from {BULK:,} recipients on Gmail, Yahoo and Microsoft ask for one" if seen.in_bulk else ""
            hint = f"publish at least v=DMARC1; p=none at _dmarc.{seen.from_domain}"
            yield Finding(CheckId.DMARC, Level.STOP if seen.in_bulk else Level.WARN, what + bulk, hint=hint)
        case Policy() as policy:
            watched = "" if policy.reports_to else "; it asks for no reports, so nobody learns what fails"
            yield Finding(CheckId.DMARC, Level.PASS, f"p={policy.policy} by _dmarc.{policy.domain}{watched}")


def alignment(seen: Inspection) -> Iterator[Finding]:
    """SPF or DKIM passes for the very domain in From, or for one it shares an organisation with (RFC 7489 §3.1).

    A DKIM key at the domain or above it aligns; above it only while alignment is relaxed. SPF aligns where the envelope's sender is the
    address in From, as it is to a relay: a WARN, because forwarding undoes it. Neither, for certain, is a STOP: DMARC cannot pass.
    """
    if skipped := _skipped(seen, CheckId.ALIGNMENT):
        yield skipped
        return
    selectors = _selectors(seen)
    found = look_for_keys(seen.from_domain, selectors, seen.resolver) if selectors else Keyring((), None)
    policy = find_policy(seen.from_domain, seen.resolver)
    strict = isinstance(policy, Policy) and policy.strict_dkim
    aligned = [key for key in found.usable if not strict or key.domain == seen.from_domain]
    by_spf = seen.route.is_relay and _has_spf(seen)
    if aligned:
        yield Finding(CheckId.ALIGNMENT, Level.PASS, f"signatures with {aligned[0].selector} at {aligned[0].domain} align with From")
    elif by_spf:
        what = "From aligns by SPF alone, if the relay is named there; forwarding undoes that"
        yield Finding(CheckId.ALIGNMENT, Level.WARN, what, hint="sign with DKIM, and name the selectors in dkim_selectors")
    elif found.doubt or not seen.selectors:
        reason = found.doubt or f"it takes a letter to see what {seen.route.esp} signs with and what its envelope says"
        yield _unanswered(CheckId.ALIGNMENT, reason)
    else:
        strictly = f" (only keys above it, and its DMARC record asks for {seen.from_domain} itself)" if found.usable else ""
        what = f"nothing that receivers can verify is of {seen.from_domain}: DMARC cannot pass{strictly}"
        yield Finding(CheckId.ALIGNMENT, Level.STOP, what, hint=f"sign as {seen.from_domain}")


def _selectors(seen: Inspection) -> tuple[str, ...]:
    return seen.selectors or USUAL_SELECTORS.get(seen.route.esp, ())


def _has_spf(seen: Inspection) -> bool:
    answer = seen.resolver.look_up(seen.from_domain, "TXT")
    return isinstance(answer, Records) and len(spf_records(answer.values)) == 1


def _skipped(seen: Inspection, check: CheckId) -> Finding | None:
    """Why the DNS is not asked at all, if it is not."""
    if not seen.route.leaves:
        return Finding(check, Level.UNCHECKED, f"not looked up: {seen.route.reach.value}")
    if reason := unreachable(seen.from_domain):
        return Finding(check, Level.UNCHECKED, f"not looked up: {seen.from_domain} is {reason}")
    return None


def _unanswered(check: CheckId, reason: str) -> Finding:
    return Finding(check, Level.UNCHECKED, f"could not check: {reason}")
