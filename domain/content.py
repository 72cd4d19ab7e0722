"""Content: variants, and what they become when a campaign's folder is compiled, once per content version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.campaign import Campaign, Cap
from domain.ids import ContentVersion, PlacementId, VariantId

FeatureValue = str | float | bool


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the content. `url` holds Jinja when `dynamic`; the id is stable over sends of one content version.

    `placement` and `variant` are None for a link of the frame (footer, logo).
    """

    link_id: str
    url: str
    ordinal: int
    placement: PlacementId | None = None
    variant: VariantId | None = None
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A variant's rendered form: HTML and plain-text Jinja sources, cut from the compiled letter."""

    html: str
    text: str
    dynamic: bool  # False: uses no recipient data, so it is rendered once per send


@dataclass(frozen=True, slots=True)
class Variant:
    """One candidate content for a placement. `where` is SQL over recipients; None admits everyone.

    A placement of k positions has k defaults, ranked 1 to k by `default_rank`: the default slate, which holdout, new recipients
    and failures get. `is_default` is True for each of them, and only for them.
    """

    variant: VariantId
    placement: PlacementId
    title: str
    category: str
    is_default: bool
    block: Block
    where: str | None = None
    live_from: datetime | None = None
    live_until: datetime | None = None
    features: Mapping[str, FeatureValue] = field(default_factory=dict)
    preheader: str | None = None
    file: str | None = None
    where_line: int | None = None
    default_rank: int | None = None
    cap: Cap | None = None  # how often one recipient gets it; the policy's, if None
    limit_per_send: int | None = None  # how many recipients of one send get it at most
    web: str | None = None  # its HTML fragment as pages show it; None where the placement is not published
    fields: Mapping[str, FeatureValue] = field(default_factory=dict)  # facts that are published beside the fragment

    def live_at(self, at: datetime) -> bool:
        """Whether the variant may be chosen at this instant: from `live_from` on, before `live_until`."""
        return (self.live_from is None or self.live_from <= at) and (self.live_until is None or at < self.live_until)


@dataclass(frozen=True, slots=True)
class Frame:
    """The letter around its placements: literal chunks (Jinja sources) with a placement after each but the last.

    `html[i]` is followed by the blocks of `slots[i]`; len(html) == len(slots) + 1, and the same for text.
    """

    html: tuple[str, ...]
    text: tuple[str, ...]
    slots: tuple[PlacementId, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """A campaign's compiled content. `content_version` is a digest of every source byte and of the compiler."""

    content_version: ContentVersion
    campaign: Campaign
    frame: Frame
    variants: tuple[Variant, ...]
    links: tuple[Link, ...]

    def of(self, placement: PlacementId) -> tuple[Variant, ...]:
        """The variants of a placement, in the order of their ids."""
        return tuple(v for v in self.variants if v.placement == placement)

    def default_of(self, placement: PlacementId) -> Variant:
        """The default variant of a placement's first position; content that lacks one is never compiled."""
        return min((v for v in self.of(placement) if v.is_default), key=lambda v: v.default_rank or 1)

    def default_slate(self, placement: PlacementId) -> tuple[VariantId, ...]:
        """The default variants of a placement, one per position, in the order of their ranks."""
        ranked = sorted((v for v in self.of(placement) if v.is_default), key=lambda v: (v.default_rank or 1, v.variant))
        return tuple(v.variant for v in ranked)
