"""Who the letter says it is from, where answers and clicks go: whether anybody may believe it, and whether anybody gets there."""

from collections.abc import Iterator

from delivery.compliance.domains import address_in, is_free_mailbox, split, unreachable
from delivery.compliance.inspection import Inspection
from delivery.compliance.lookup import Nothing, Records
from delivery.compliance.report import CheckId, Finding, Level

_NULL_MX = "0 ."  # RFC 7505: takes no mail


def from_domain(seen: Inspection) -> Iterator[Finding]:
    """From is at a domain of one's own that exists. A free mailbox provider's is its provider's: Gmail's rules for senders tell not to
    impersonate it, and DMARC policies of Yahoo, AOL and others have such letters rejected. STOP; WARN while letters reach nobody."""
    domain, place = seen.from_domain, seen.sender_place(seen.content.campaign.letter_sender.address)
    if is_free_mailbox(domain):
        level = Level.STOP if seen.route.leaves else Level.WARN
        what = f"From is at {domain}, where anybody can have an address: nobody else may send for it"
        yield Finding(CheckId.FROM_DOMAIN, level, what, place, "write from a domain of your own")
    elif reason := unreachable(domain):
        if seen.route.leaves:
            yield Finding(CheckId.FROM_DOMAIN, Level.STOP, f"From is at {domain}: {reason}", place, "write from a domain of your own")
        else:
            yield Finding(CheckId.FROM_DOMAIN, Level.UNCHECKED, f"From is at {domain}, {reason}; {seen.route.reach.value}", place)


def reply_to(seen: Inspection) -> Iterator[Finding]:
    """Answers reach somebody (Microsoft's rules for bulk senders, 2025: From or Reply-To takes replies). A free mailbox in Reply-To under
    a company's From is what spam filters know from fraud. WARN."""
    sender, domain = seen.content.campaign.letter_sender, seen.reply_domain
    address = sender.reply_to or sender.address
    place = seen.sender_place(address)
    if sender.reply_to and is_free_mailbox(domain):
        yield Finding(CheckId.REPLY_TO, Level.WARN, f"answers go to a free mailbox at {domain}", place, "filters know that from fraud")
    if _takes_no_answers(address):
        what = "answers go to an address that says nobody reads it"
        yield Finding(CheckId.REPLY_TO, Level.WARN, what, place, "name one that somebody reads as sender.reply_to")
    if not seen.route.leaves or (domain == seen.from_domain and unreachable(domain)):
        return
    if reason := unreachable(domain):
        yield Finding(CheckId.REPLY_TO, Level.WARN, f"answers go to {domain}: {reason}", place)
    elif _takes_no_mail(domain, seen):
        yield Finding(CheckId.REPLY_TO, Level.WARN, f"{domain} takes no mail (no MX): answers come back", place)


def public_url(seen: Inspection) -> Iterator[Finding]:
    """Links and the one-click unsubscribe begin with `public_url`: it has to be https (RFC 8058 §3.1) and reachable from outside.

    STOP, because letters cannot be called back and every link in them would be dead. Not judged while letters reach nobody.
    """
    url, hint = seen.public_url, "set public_url to the https address under which recipients reach `letterpress serve`"
    parts = split(url)
    if not seen.route.leaves:
        yield Finding(CheckId.PUBLIC_URL, Level.UNCHECKED, f"links begin with {url}; {seen.route.reach.value}")
    elif parts is None:
        yield Finding(CheckId.PUBLIC_URL, Level.STOP, "public_url is no http address: no link of a letter leads anywhere", hint=hint)
    else:
        host = parts.hostname or ""
        if reason := unreachable(host):
            yield Finding(CheckId.PUBLIC_URL, Level.STOP, f"nobody can follow links to {host}: {reason}", hint=hint)
        elif parts.scheme != "https":
            what = f"links begin with {url}, which is not https: mailboxes do not unsubscribe people over it"
            yield Finding(CheckId.PUBLIC_URL, Level.STOP, what, hint=hint)
        elif address_in(host):
            yield Finding(CheckId.PUBLIC_URL, Level.WARN, f"links lead to the IP address {host}, as those of spam do", hint=hint)
        elif _is_nowhere(host, seen):
            yield Finding(CheckId.PUBLIC_URL, Level.STOP, f"nobody can follow links to {host}: the DNS has no such host", hint=hint)


def _takes_no_answers(address: str) -> bool:
    local = address.partition("@")[0].lower().replace("-", "").replace("_", "").replace(".", "")
    return local.startswith(("noreply", "donotreply", "dontreply"))


def _takes_no_mail(domain: str, seen: Inspection) -> bool:
    """Whether the DNS says for certain that no mail goes there (RFC 5321 §5.1, RFC 7505)."""
    exchangers = seen.resolver.look_up(domain, "MX")
    if isinstance(exchangers, Records):
        return set(exchangers.values) == {_NULL_MX}
    return isinstance(exchangers, Nothing) and _is_nowhere(domain, seen)


def _is_nowhere(host: str, seen: Inspection) -> bool:
    """Whether the DNS says for certain that the host has no address."""
    return isinstance(seen.resolver.look_up(host, "A"), Nothing) and isinstance(seen.resolver.look_up(host, "AAAA"), Nothing)
