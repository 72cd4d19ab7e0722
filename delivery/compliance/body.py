"""What every letter owes its reader, and whether it can be read at all: in HTML and in plain text."""

import re
from collections import Counter
from collections.abc import Iterator

from delivery.compliance.inspection import Inspection, Sample
from delivery.compliance.report import CheckId, Finding, Level
from domain.campaign import PlacementKind

_ADDRESS = re.compile(r"https?://\S+")
_BLANK = re.compile(r"[\s\u00a0]+")
_FEW_WORDS = 10  # of plain text, below which it says next to nothing
_TEXT_SHARE = 0.2  # of the words of the HTML that the plain text has at least
_PICTURE_WORDS = 25  # below which a letter with pictures is one picture
_UNSUBSCRIBE = re.compile(r"/u/[A-Za-z0-9_-]+")


def unsubscribe_link(seen: Inspection) -> Iterator[Finding]:
    """A way out that can be seen in the HTML and in the text (Gmail's and Yahoo's rules for bulk senders; CAN-SPAM §5(a)(3); the
    List-Unsubscribe header does not stand in for it). STOP."""
    hint = 'write <a href="{{ unsubscribe_url }}">Unsubscribe</a> where everybody gets to see it'
    for part, lacks in (("HTML", _lacks_link), ("plain text", _lacks_address_to_leave)):
        what = f"no unsubscribe link can be seen in the {part}"
        yield from seen.in_samples(CheckId.UNSUBSCRIBE_LINK, Level.STOP, what, lacks, hint)


def postal_address(seen: Inspection) -> Iterator[Finding]:
    """The sender's postal address stands in the HTML and in the text (CAN-SPAM §5(a)(5)(A)(iii) and the laws like it). STOP."""
    address, hint = _one_line(seen.content.campaign.postal_address), "write {{ campaign.postal_address }} where everybody gets to see it"
    what = "the postal address cannot be seen in the"
    check, level = CheckId.POSTAL_ADDRESS, Level.STOP
    yield from seen.in_samples(check, level, f"{what} HTML", lambda one: address not in _one_line(one.page.text), hint)
    yield from seen.in_samples(check, level, f"{what} plain text", lambda one: address not in _one_line(one.parts.text), hint)


def plain_text(seen: Inspection) -> Iterator[Finding]:
    """A plain-text part that says what the HTML says: STOP when there is none, WARN when it is nearly empty. Filters hold a pair that
    differs against the sender, and watches, screen readers and some companies show nothing else."""
    yield from seen.in_samples(CheckId.PLAIN_TEXT, Level.STOP, "there is no plain text", lambda sample: not _words(sample))
    what = "the plain text is nearly empty beside the HTML"
    hint = "put words where there are only pictures, or give them alt texts"
    yield from seen.in_samples(CheckId.PLAIN_TEXT, Level.WARN, what, _is_nearly_empty, hint)


def preheader(seen: Inspection) -> Iterator[Finding]:
    """A line for mail programs to show after the subject: without one they show whatever comes first, such as `View online`. WARN, for
    each subject that lacks one."""
    [subject] = [p.placement for p in seen.content.campaign.placements if p.kind is PlacementKind.SUBJECT]
    lacking = {(subject, sample.slate[subject][0]) for sample in seen.samples if not sample.page.preview}
    for variant in seen.variants_of(lacking):
        hint = "write `preheader: …` into its front matter"
        place = seen.place_in(variant.file, f"preheader: {variant.preheader}" if variant.preheader else "", "---")
        yield Finding(CheckId.PREHEADER, Level.WARN, f"the subject {variant.variant} has no preheader", place, hint)


def image_only(seen: Inspection) -> Iterator[Finding]:
    """Words as well as pictures: many mail programs show no pictures until they are asked to, and filters take a letter of one picture
    for spam. WARN."""
    hint = f"a letter needs some {_PICTURE_WORDS} words that are no picture"
    what = "the letter is pictures and hardly any words"
    yield from seen.in_samples(CheckId.IMAGE_ONLY, Level.WARN, what, _is_picture, hint)


def active_content(seen: Inspection) -> Iterator[Finding]:
    """No scripts, forms, frames or plug-ins: mail programs cut them out, and filters hold them against the sender. WARN."""
    counts = Counter(tag for sample in seen.samples for tag in sample.page.active)
    for tag, count in sorted(counts.items()):
        what = f"<{tag}> does not work in mail programs ({seen.share(count)})"
        yield Finding(CheckId.ACTIVE_CONTENT, Level.WARN, what, seen.place_of(f"<{tag}"), "link to a page that has it")


def printable(seen: Inspection) -> Iterator[Finding]:
    """Letters can be printed: STOP when half of those tried cannot, because then a column is missing and not somebody's value; else WARN.
    A letter that cannot be printed is left out of its send and counted, with its reason."""
    failed = sum(seen.unprintable.values())
    tried = failed + len(seen.samples)
    level = Level.STOP if failed * 2 > tried else Level.WARN
    for reason, count in seen.unprintable.items():
        hint = "give the value a default, or import the column"
        yield Finding(CheckId.PRINTABLE, level, f"{count} of {tried} sample letters cannot be printed: {reason}", None, hint)


def _lacks_link(sample: Sample) -> bool:
    return not any(_UNSUBSCRIBE.search(anchor.href) and anchor.label for anchor in sample.page.anchors)


def _lacks_address_to_leave(sample: Sample) -> bool:
    return _UNSUBSCRIBE.search(sample.parts.text) is None


def _words(sample: Sample) -> int:
    return len(_ADDRESS.sub(" ", sample.parts.text).split())


def _is_nearly_empty(sample: Sample) -> bool:
    words = _words(sample)
    return words > 0 and (words < min(_FEW_WORDS, sample.page.words) or words < _TEXT_SHARE * sample.page.words)


def _is_picture(sample: Sample) -> bool:
    return sample.page.images > 0 and sample.page.words < _PICTURE_WORDS


def _one_line(text: str) -> str:
    return _BLANK.sub(" ", text).strip()
