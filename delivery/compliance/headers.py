"""The headers of the sample letters, as they are handed off."""

import re
from collections import Counter
from collections.abc import Iterator
from email.utils import getaddresses, parsedate_to_datetime

from delivery.compliance.domains import split
from delivery.compliance.inspection import Inspection, Sample
from delivery.compliance.report import CheckId, Finding, Level

_ONCE = (
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
_AT_MOST_ONCE = ("Sender", "Reply-To", "Cc", "Bcc", "In-Reply-To", "References", "Feedback-ID")
_LONGEST_LINE = 998  # RFC 5322 §2.1.1, without its CRLF
_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")
_LIST_ID = re.compile(r"[^<>]*<[^<>@\s]+\.[^<>@\s]+>")
_URI = re.compile(r"<([^<>]+)>")


def headers(seen: Inspection) -> Iterator[Finding]:
    """Every header that RFC 5322 §3.6, RFC 2919 and RFC 8058 ask for is there, once, and can be read. Gmail turns away letters with a
    second From, or without Message-ID or Date. STOP: nothing of that can be the sender's intention."""
    faults = Counter(fault for sample in seen.samples for fault in _faults(sample))
    for fault, count in faults.items():
        yield Finding(CheckId.HEADERS, Level.STOP, f"{fault} ({seen.share(count)})")


def header_lines(seen: Inspection) -> Iterator[Finding]:
    """No line is longer than 998 characters (RFC 5322 §2.1.1): relays cut it, which breaks DKIM, or refuse the letter. STOP."""
    longest = max(sample.longest_line for sample in seen.samples)
    if longest > _LONGEST_LINE:
        yield Finding(CheckId.HEADER_LINES, Level.STOP, f"a line has {longest:,} characters; {_LONGEST_LINE} are allowed")


def one_click(seen: Inspection) -> Iterator[Finding]:
    """List-Unsubscribe names an address to POST to and List-Unsubscribe-Post is `List-Unsubscribe=One-Click` (RFC 8058 §3.1), which Gmail
    and Yahoo ask of bulk senders. STOP. Whether that address is https and can be reached is `public_url`'s to find."""
    what = "mailboxes cannot unsubscribe their readers with one click"
    yield from seen.in_samples(CheckId.ONE_CLICK, Level.STOP, what, lambda sample: not _is_one_click(sample))


def _is_one_click(sample: Sample) -> bool:
    fields = {name.lower(): value for name, value in sample.headers}
    addresses = _URI.findall(fields.get("list-unsubscribe", ""))
    return any(split(one) for one in addresses) and fields.get("list-unsubscribe-post", "") == "List-Unsubscribe=One-Click"


def _faults(sample: Sample) -> Iterator[str]:
    """What is wrong with a letter's headers, each fault once."""
    times = Counter(name.lower() for name, _ in sample.headers)
    for name in _ONCE:
        if times[name.lower()] != 1:
            yield f"{name} is there {times[name.lower()]} times" if times[name.lower()] else f"{name} is missing"
    yield from (f"{name} is there {times[name.lower()]} times" for name in _AT_MOST_ONCE if times[name.lower()] > 1)
    fields = {name.lower(): value for name, value in sample.headers}
    if len(getaddresses([fields.get("from", "")])) != 1:
        yield "From names more than one mailbox"
    if "message-id" in fields and not _MESSAGE_ID.fullmatch(fields["message-id"]):
        yield "Message-ID cannot be read"
    if "list-id" in fields and not _LIST_ID.fullmatch(fields["list-id"]):
        yield "List-Id cannot be read"
    if "date" in fields and not _is_date(fields["date"]):
        yield "Date cannot be read"


def _is_date(text: str) -> bool:
    try:
        return parsedate_to_datetime(text).tzinfo is not None
    except ValueError:
        return False
