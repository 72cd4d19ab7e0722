"""The check of a send: every check there is, in the order in which people read them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from delivery.compliance import authentication, body, destinations, headers, images, merge_tags, sender, size, subject
from delivery.compliance.inspection import Inspection
from delivery.compliance.report import CheckId, Finding, Level, Report


@dataclass(frozen=True, slots=True)
class Check:
    """A check. `fine` is what it says when it has nothing to say; checks that read letters are UNCHECKED without any."""

    id: CheckId
    find: Callable[[Inspection], Iterable[Finding]]
    fine: str
    reads_letters: bool = True


CHECKS: tuple[Check, ...] = (
    Check(CheckId.FROM_DOMAIN, sender.from_domain, "From is at a domain of its own", reads_letters=False),
    Check(CheckId.REPLY_TO, sender.reply_to, "answers have somewhere to go", reads_letters=False),
    Check(CheckId.SPF, authentication.spf, "SPF is set up", reads_letters=False),
    Check(CheckId.DKIM, authentication.dkim, "DKIM is set up", reads_letters=False),
    Check(CheckId.DMARC, authentication.dmarc, "a DMARC policy holds", reads_letters=False),
    Check(CheckId.ALIGNMENT, authentication.alignment, "what is verified aligns with From", reads_letters=False),
    Check(CheckId.PUBLIC_URL, sender.public_url, "links lead to an https address that can be reached", reads_letters=False),
    Check(CheckId.HEADERS, headers.headers, "every header is there, once"),
    Check(CheckId.HEADER_LINES, headers.header_lines, "no line is too long"),
    Check(CheckId.ONE_CLICK, headers.one_click, "mailboxes can unsubscribe their readers with one click"),
    Check(CheckId.UNSUBSCRIBE_LINK, body.unsubscribe_link, "a way out can be seen in HTML and text"),
    Check(CheckId.POSTAL_ADDRESS, body.postal_address, "the postal address can be seen in HTML and text"),
    Check(CheckId.PLAIN_TEXT, body.plain_text, "the plain text says what the HTML says"),
    Check(CheckId.SUBJECT, subject.subject, "subjects are plain"),
    Check(CheckId.PREHEADER, body.preheader, "every subject has a preheader"),
    Check(CheckId.HTML_SIZE, size.html_size, "the HTML is small enough for Gmail"),
    Check(CheckId.HTTP_LINKS, destinations.http_links, "links and pictures are https"),
    Check(CheckId.LINK_HOSTS, destinations.link_hosts, "links lead to hosts that can be reached"),
    Check(CheckId.MERGE_TAGS, merge_tags.merge_tags, "no merge tag is left"),
    Check(CheckId.GREETING, merge_tags.greeting, "nobody is greeted without a name"),
    Check(CheckId.IMAGE_ALT, images.image_alt, "every picture has an alt text", reads_letters=False),
    Check(CheckId.IMAGE_ONLY, body.image_only, "there are words beside the pictures"),
    Check(CheckId.ACTIVE_CONTENT, body.active_content, "nothing that mail programs cut out"),
    Check(CheckId.PRINTABLE, body.printable, "the sample letters can be printed", reads_letters=False),
)


def check(seen: Inspection) -> Report:
    """Run all checks. At least one finding of each."""
    findings = tuple(finding for one in CHECKS for finding in _run(one, seen))
    return Report(seen.content.campaign.campaign, len(seen.samples), findings)


def _run(one: Check, seen: Inspection) -> Iterator[Finding]:
    if one.reads_letters and not seen.samples:
        yield Finding(one.id, Level.UNCHECKED, "there is no letter to look at: nobody in the sample gets one that can be printed")
        return
    found = list(one.find(seen))
    yield from found or [Finding(one.id, Level.PASS, one.fine)]
