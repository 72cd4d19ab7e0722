"""How large the HTML gets: what the sample shows, and the worst that this content can make of it."""

import re
from collections.abc import Iterator
from html import unescape

from delivery.compliance.inspection import Inspection, Sample
from delivery.compliance.report import CheckId, Finding, Level
from domain.campaign import PlacementKind
from domain.content import Content, Variant
from domain.ids import PlacementId, VariantId

LIMIT = 95_000  # bytes, below the 102 kB at which Gmail cuts a letter off: open pixels and rewritten links of the ESP come on top
_SLOT = re.compile(r'\{\{ _links\["[0-9a-f]+"\] \}\}')

Weights = dict[tuple[PlacementId, VariantId], int]


def html_size(seen: Inspection) -> Iterator[Finding]:
    """The HTML has less than 95 kB once decoded and filled in: Gmail clips a letter at 102 kB, and with it go the unsubscribe link and
    the postal address at its end. STOP for a sample letter that is larger; WARN when the largest variants together would be."""
    largest, worst = max(sample.html_bytes for sample in seen.samples), worst_case(seen)
    heavy = _heaviest(seen)
    hint = f"Gmail clips at 102 kB, footer and all; the largest variant is {heavy.file or heavy.variant}" if heavy else None
    if largest > LIMIT:
        yield Finding(CheckId.HTML_SIZE, Level.STOP, f"the largest sample letter has {largest:,} bytes of HTML; {LIMIT:,} go", None, hint)
    elif worst > LIMIT:
        what = f"the largest variants together would make about {worst:,} bytes of HTML; {LIMIT:,} go"
        yield Finding(CheckId.HTML_SIZE, Level.WARN, what, None, hint)
    else:
        yield Finding(CheckId.HTML_SIZE, Level.PASS, f"{largest:,} bytes of HTML in the largest sample letter, some {worst:,} at worst")


def worst_case(seen: Inspection) -> int:
    """An estimate in bytes: what the sample's letters have beside their variants, at most, and the largest variants of each placement.

    A variant weighs its source with its links as long as the sample's longest. Values are in the source as the expressions that print
    them; that they come out longer shows in what letters have beside their variants.
    """
    weights = _weights(seen)
    beside = max(sample.html_bytes - sum(weights.get(key, 0) for key in _shown(sample)) for sample in seen.samples)
    return beside + sum(
        _most(seen.content, placement.placement, placement.positions, weights) for placement in seen.content.campaign.placements
    )


def _weights(seen: Inspection) -> Weights:
    root = seen.public_url.rstrip("/") + "/c/"
    links = [unescape(anchor.href) for sample in seen.samples for anchor in sample.page.anchors if anchor.href.startswith(root)]
    link = "x" * max(map(len, links), default=0)
    subjects = {p.placement for p in seen.content.campaign.placements if p.kind is PlacementKind.SUBJECT}
    blocks = [v for v in seen.content.variants if v.placement not in subjects]
    return {(v.placement, v.variant): len(_SLOT.sub(link, v.block.html).encode()) for v in blocks}


def _shown(sample: Sample) -> list[tuple[PlacementId, VariantId]]:
    return [(placement, variant) for placement, variants in sample.slate.items() for variant in variants]


def _most(content: Content, placement: PlacementId, positions: int, weights: Weights) -> int:
    return sum(sorted((weights.get((placement, v.variant), 0) for v in content.of(placement)), reverse=True)[:positions])


def _heaviest(seen: Inspection) -> Variant | None:
    weights = _weights(seen)
    return max(seen.content.variants, key=lambda v: weights.get((v.placement, v.variant), 0), default=None)
