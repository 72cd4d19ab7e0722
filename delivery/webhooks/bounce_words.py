"""How servers word their refusals. In order: the first cause of which a phrase occurs is it, so the telling ones come first.

Gathered from the replies of large mailbox providers as their postmasters and others publish them. Enhanced codes are those of RFC 3463
and IANA's registry of them; they come second, because servers use 5.7.1 and 5.0.0 for everything.
"""

import re
from collections.abc import Mapping

from domain.bounce import BounceCause

C = BounceCause

_PHRASES: Mapping[BounceCause, str] = {
    C.AUTO_REPLY: r"""
        out of (the )?office; auto-?(matic )?(reply|response|responder); vacation""",
    C.AUTHENTICATION: r"""
        \bdmarc; \bdkim\b; \bspf\b; unauthenticated (e?mail|sender|message); not authenticated; authentication[- ]required
        smtp authentication; requires authentication; starttls; domain in the 5322""",
    C.SENDER: r"""
        sender domain; domain of (the )?sender; envelope sender; sender address (rejected|must); sender .{1,80} has no
        return-?path; domain may not exist or dns check; from address""",
    C.REPUTATION: r"""
        black-?list; block-?list; blocklisting; on (our|a|the|an) \w* ?block; \brbl\b; dnsbl; spamhaus; spamcop; barracuda
        ivmsip; abuseat; sorbs; senderbase; reputation; \bis listed (on|in|at); has been blocked; blocked using (?!spam)
        blocked by; banned sending; ip (address )?(\S+ )?(has been |is |was )?(blocked|banned|denied); user complaints
        \[tss?0\d\]; reverse dns; \bptr\b; fakemail""",
    C.SPAM: r"""
        \bspam; junk-?mail; bulk mail; unsolicited; \bvirus; malware; phish; message denied; \buce\b; mail content denied
        jmrpp; url in this; content[- ](policy|rejected|filter); content (was )?rejected; suspicious""",
    C.NO_DOMAIN: r"""
        null mx; no mx (for|record); domain (name )?(does not|doesn't) (exist|accept); no such domain
        (host|domain)( name)? not found; unrouteable mail domain; bad destination host; invalid domain; nxdomain
        unknown (host|domain); has no mail exchanger; domain .{0,60} has no""",
    C.INACTIVE: r"""
        overquotaperm; quota and inactive; inactive; not active; not activated; disabled; account (is |has been )?closed
        deactivated; suspended; no longer (active|in use|valid|available|accept); has been (terminated|locked); abandoned
        enhanced protection; expired account; discontinued""",
    C.FULL: r"""
        over ?quota; quota (exceeded|violation|full); exceeded .{0,40}(quota|storage); mailbox (is )?full
        mailbox .{0,20}exceeded; quota; out of storage; storage (space|limit|allocation); mailbox (limit|size)
        insufficient (disk|system|mailbox) (space|storage); inbox is full""",
    C.NO_MAILBOX: r"""
        (user|account|recipient|mailbox|address|alias) .{0,60}(unknown|not found|does(n't| not) exist|invalid|unrecogni[sz]ed)
        (unknown|invalid|no such|non-?existent|bad|not a valid) (local )?(user|recipient|mailbox|address|account|id|person|alias)\b
        (email|mail) (account|address) .{0,60}does(n't| not) exist; no mail-?box; utilisateur inconnu; not our customer
        address rejected(?!.{0,40}polic); undeliverable address; mailbox (name )?(is )?(unavailable|not allowed); mailbox not
        cannot deliver mail for; permanent failure for one; recipient .{0,80}(denied|is not allowed|not known)
        could not deliver mail to; user .{0,80}unknown; account not available; address error; is not a known user
        user does(n't| not) have; tenant or domain; account that you tried to reach does""",
    C.RATE: r"""
        gr[ae]y-?list; rate[- ]limit; too many; too fast; unusual rate; throttl; exceeded the rate; receivingrate; deferred
        connection rate; mail flood; concurren""",
    C.POLICY: r"""
        polic(y|ies); \baup\b; access denied; not accepted; refused by; prohibited; administrative; not permitted to send""",
    C.TOO_LARGE: r"""
        too (large|big); size (limit|exceeds); exceeds .{0,30}size; message size""",
    C.UNREACHABLE: r"""
        timed? ?out; timeout; expired; unable to (connect|route|deliver); connection (refused|reset|dropped|lost); no answer
        unrouteable; relay; rcpthosts; mail ?loop; too many hops; loops? back; retry time; dns; host (is )?down; no route""",
    C.FAILING: r"""
        temporar; internal (server )?error; system (error|not accepting|problem); service (is )?(not available|unavailable)
        try again; later; local error; resources; transaction failed; server (is down|busy|error)""",
    C.PROTOCOL: r"""
        bad sequence; syntax error; command (not|unrecognized); protocol; not implemented; line too long""",
}
"""By cause: regular expressions, separated by semicolons and ends of lines."""


def _compiled(phrases: str) -> re.Pattern[str]:
    each = [phrase.strip() for phrase in re.split("[;\n]", phrases)]
    return re.compile("|".join(f"(?:{phrase})" for phrase in each if phrase), re.IGNORECASE | re.DOTALL)


PATTERNS: Mapping[BounceCause, re.Pattern[str]] = {cause: _compiled(phrases) for cause, phrases in _PHRASES.items()}

STATUSES: Mapping[str, BounceCause] = {
    **dict.fromkeys(("1.1", "1.3", "1.4", "2.4", "7.17"), C.NO_MAILBOX),
    **dict.fromkeys(("1.2", "1.10", "7.18"), C.NO_DOMAIN),
    **dict.fromkeys(("1.6", "2.1", "7.13"), C.INACTIVE),
    **dict.fromkeys(("1.7", "1.8", "7.27"), C.SENDER),
    **dict.fromkeys(("2.2", "3.1"), C.FULL),
    **dict.fromkeys(("2.3", "3.4"), C.TOO_LARGE),
    **dict.fromkeys(("3.0", "3.2", "3.5"), C.FAILING),
    **dict.fromkeys(("4.5", "5.3", "7.28", "7.38"), C.RATE),
    **dict.fromkeys(
        ("7.8", "7.9", "7.11", "7.14", "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.29", "7.30", "7.515"), C.AUTHENTICATION
    ),
    "7.25": C.REPUTATION,
}
"""Subject and detail of enhanced codes (RFC 3463, 5248, 7293, 7372, 7505 and IANA's registry)."""

SUBJECTS: Mapping[str, BounceCause] = {
    "3": C.FAILING,
    "4": C.UNREACHABLE,
    "5": C.PROTOCOL,
    "6": C.PROTOCOL,
    "7": C.POLICY,
}
"""What a subject means where its detail does not say more."""

CODES: Mapping[str, BounceCause] = {"421": C.FAILING, "450": C.FAILING, "451": C.FAILING, "452": C.FULL, "552": C.FULL, "553": C.NO_MAILBOX}
"""What SMTP's own codes mean where nothing else is said (RFC 5321 §4.2.3)."""
