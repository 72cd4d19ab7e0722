"""The files that pages fetch: what stands in them, how they are called, and for how long they may be kept.

    <placement>/variant-<variant>.<version>.json   one variant; the name changes with what is in it, so it may be kept for ever
    <a>+<b>/variant-<x>+<y>.<version>.json         the variants of several placements in one file, as lasting
    <placement>/variant-default.json               what the default is at present: kept for a minute
    <placement>/variants.json                      which variants are shown at present, and the names of their files; as briefly

A version is a digest of all that is in the file; eight digits of it are in the name.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import quote

import orjson

from delivery.fragments import read_fragment
from domain.content import Content, Variant
from domain.ids import PlacementId, VariantId, digest
from domain.publication import Publication
from domain.variant_state import VariantKey

CONTENT_TYPE = "application/json"
LASTING = "public, max-age=31536000, immutable"
BRIEF = "public, max-age=60"
DEFAULT, LISTING = "variant-default.json", "variants.json"
_DIGITS = 8  # of a version in a file's name
_TOGETHER = "+"  # between the placements, and the variants, of a combination; no name has one


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file as it is written. `path`: below the folder that holds them all; `cache`: its Cache-Control."""

    placement: PlacementId
    variant: VariantId
    version: str
    path: str
    body: bytes
    cache: str = LASTING

    @property
    def key(self) -> VariantKey:
        """The variant, or the combination."""
        return self.placement, self.variant

    def url(self, address: str) -> str:
        """Where readers fetch it, below this address."""
        return f"{address}/{quote(self.path)}"


def published_variants(content: Content) -> tuple[Variant, ...]:
    """The variants that pages show."""
    return tuple(variant for variant in content.variants if variant.web is not None)


def version_of(variant: Variant) -> str:
    """The version of what is published of a variant: 32 hex digits."""
    return digest("published", _encoded(_words(variant)).decode())


def file_of(variant: Variant) -> PublishedFile:
    """The file of a variant."""
    document = _document(variant)
    return _lasting(variant.placement, variant.variant, document, document["version"])


def combined_files(content: Content, published: Iterable[VariantKey]) -> Iterator[PublishedFile]:
    """One file for each combination of published variants of the placements that the campaign publishes together."""
    known, ids = frozenset(published), {one.folder: one.placement for one in content.campaign.placements}
    for group in content.campaign.permutations:
        shelves = [[v for v in content.of(ids[name]) if (v.placement, v.variant) in known] for name in group]
        yield from (_combined(together) for together in product(*shelves))


def default_files(content: Content) -> Iterator[PublishedFile]:
    """`variant-default.json` of each published placement and of each group of them. `slate`: the default of every position."""
    for placement in (one.placement for one in content.campaign.published):
        ranked = sorted((v for v in content.of(placement) if v.is_default), key=lambda v: v.default_rank or 1)
        documents = [_document(variant) for variant in ranked]
        document = documents[0] | ({"slate": documents} if len(documents) > 1 else {})
        yield _brief(placement, DEFAULT, document)
    ids = {one.folder: one.placement for one in content.campaign.placements}
    for group in content.campaign.permutations:
        together = _combined([content.default_of(ids[name]) for name in group])
        yield PublishedFile(together.placement, VariantId(""), together.version, f"{together.placement}/{DEFAULT}", together.body, BRIEF)


def listing_of(placement: PlacementId, defaults: Sequence[VariantId], shown: Iterable[Publication]) -> PublishedFile:
    """`variants.json` of a placement: for whoever reads decisions where this process does not, such as a worker at the edge."""
    found = {one.variant: {"version": one.digest, "path": path_of(one.placement, one.variant, one.digest)} for one in shown}
    return _brief(placement, LISTING, {"placement": placement, "default": list(defaults), "variants": dict(sorted(found.items()))})


def path_of(placement: PlacementId, variant: VariantId, version: str) -> str:
    """The path of a lasting file."""
    return f"{placement}/variant-{variant}.{version[:_DIGITS]}.json"


def folders_of(content: Content) -> tuple[PlacementId, ...]:
    """The published placements of a content, and the groups that are published together, as their folders are called."""
    ids = {one.folder: one.placement for one in content.campaign.placements}
    own = (one.placement for one in content.campaign.published)
    return (*own, *(PlacementId(_TOGETHER.join(ids[name] for name in group)) for group in content.campaign.permutations))


def names(combination: VariantKey, part: VariantKey) -> bool:
    """Whether a combination is made with this variant."""
    placements, variants = (text.split(_TOGETHER) for text in combination)
    return len(placements) > 1 and part in zip(placements, variants, strict=False)


def _words(variant: Variant) -> dict[str, Any]:
    fragment = read_fragment(variant.web or "")
    words = {"placement": variant.placement, "variant": variant.variant, "html": fragment.html}
    return words | {"fields": dict(variant.fields), "alt": list(fragment.alt)}


def _document(variant: Variant) -> dict[str, Any]:
    words = _words(variant)
    version = digest("published", _encoded(words).decode())
    return {"placement": variant.placement, "variant": variant.variant, "version": version} | words


def _combined(together: Sequence[Variant]) -> PublishedFile:
    placement = PlacementId(_TOGETHER.join(one.placement for one in together))
    variant = VariantId(_TOGETHER.join(one.variant for one in together))
    words = {"placement": placement, "variant": variant, "parts": [_document(one) for one in together]}
    version = digest("published", _encoded(words).decode())
    return _lasting(placement, variant, {"placement": placement, "variant": variant, "version": version} | words, version)


def _lasting(placement: PlacementId, variant: VariantId, document: dict[str, Any], version: str) -> PublishedFile:
    return PublishedFile(placement, variant, version, path_of(placement, variant, version), _encoded(document))


def _brief(placement: PlacementId, name: str, document: dict[str, Any]) -> PublishedFile:
    body = _encoded(document)
    return PublishedFile(placement, VariantId(""), digest("published", body.decode()), f"{placement}/{name}", body, BRIEF)


def _encoded(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document)
