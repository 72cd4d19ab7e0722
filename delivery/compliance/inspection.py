"""What the checks look at: the compiled content, what it was written in, sample letters, and the way they would go."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr

from delivery.addresses import domain_of
from delivery.compliance.lookup import Resolver
from delivery.compliance.markup import Page, read_page
from delivery.compliance.report import CheckId, Finding, Level, Place
from delivery.compliance.route import Route
from delivery.compose import Chosen, Preview
from delivery.esp.parts import Parts, headers_of, parts_of
from domain.content import Content, Variant
from domain.ids import PlacementId, VariantId
from domain.message import Letter
from domain.recipient import Recipient

BULK = 5_000  # recipients: from so many letters a day on, Gmail, Yahoo and Microsoft ask for all of FACTS §10


@dataclass(frozen=True, slots=True)
class Sample:
    """A real recipient's letter as it would be handed off. `preview` is the same letter with links that lead straight to their ends."""

    recipient: Recipient = field(repr=False)
    slate: Chosen
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    longest_line: int
    parts: Parts = field(repr=False)
    page: Page = field(repr=False)
    preview: Preview = field(repr=False)

    @property
    def html_bytes(self) -> int:
        """Size of the HTML as a mailbox stores it, decoded."""
        return len(self.parts.html.encode())


def sample_of(recipient: Recipient, slate: Chosen, letter: Letter, preview: Preview) -> Sample:
    """A letter taken apart for the checks."""
    parts, mime = parts_of(letter), letter.mime
    head = mime.partition(b"\r\n\r\n")[0]
    longest = max(len(line) for line in mime.split(b"\r\n"))
    return Sample(recipient, slate, tuple(headers_of(head)), longest, parts, read_page(parts.html), preview)


@dataclass(frozen=True, slots=True)
class Inspection:
    """All there is to look at. Pure but for `resolver`, a port.

    `unprintable`: sample letters that could not be printed, by reason. `recipients`: how many there are in all. `sources`: the
    campaign's files by the names that messages call them. `selectors`: those that the installation says it signs with.
    """

    content: Content
    route: Route
    public_url: str
    recipients: int
    samples: tuple[Sample, ...]
    unprintable: Mapping[str, int]
    sources: Mapping[str, str]
    resolver: Resolver
    selectors: tuple[str, ...] = ()

    @property
    def from_domain(self) -> str:
        """The domain of the address in From."""
        return domain_of(self.content.campaign.letter_sender.address)

    @property
    def reply_domain(self) -> str:
        """The domain that answers go to."""
        sender = self.content.campaign.letter_sender
        return domain_of(sender.reply_to or sender.address)

    @property
    def in_bulk(self) -> bool:
        """Whether the rules for bulk senders hold: there are so many recipients that a day's letters can reach the threshold."""
        return self.recipients >= BULK

    def share(self, matching: int) -> str:
        """So many of the sample letters, in words."""
        return f"{matching} of {len(self.samples)} sample letters"

    def in_samples(
        self, check: CheckId, level: Level, what: str, holds: Callable[[Sample], bool], hint: str | None = None
    ) -> list[Finding]:
        """A finding if it holds for any sample letter, with how many; else nothing."""
        count = sum(map(holds, self.samples))
        return [Finding(check, level, f"{what} ({self.share(count)})", None, hint)] if count else []

    def place_of(self, *texts: str) -> Place | None:
        """Where one of these texts is written first, files in their order."""
        for text in filter(None, texts):
            for file, source in self.sources.items():
                if (at := source.find(text)) >= 0:
                    return Place(file, source.count("\n", 0, at) + 1)
        return None

    def place_in(self, file: str | None, *texts: str) -> Place | None:
        """Where one of these texts is written in a file of the content, else the file itself. `file` as content calls it."""
        for name, source in self.sources.items():
            if file and name.endswith(file):
                at = next((found for text in texts if text and (found := source.find(text)) >= 0), None)
                return Place(name, None if at is None else source.count("\n", 0, at) + 1)
        return None

    def sender_place(self, address: str) -> Place | None:
        """Where an address of the sender is written."""
        return self.place_in(self.content.campaign.file, parseaddr(address)[1] or address)

    def variant_place(self, variant: Variant) -> Place | None:
        """Where a variant's own text begins."""
        return self.place_in(variant.file, next(iter(variant.block.text.splitlines()), ""))

    def variants_of(self, slates: Iterable[tuple[PlacementId, VariantId]]) -> tuple[Variant, ...]:
        """The variants of these names, in the content's order."""
        wanted = set(slates)
        return tuple(v for v in self.content.variants if (v.placement, v.variant) in wanted)
