"""Which letters a sample is made of: enough to meet every variant, few enough to be printed while somebody waits."""

from collections.abc import Iterator, Mapping, Sequence

from domain.content import Content
from domain.ids import PlacementId, VariantId

Slate = Mapping[PlacementId, tuple[VariantId, ...]]
Eligible = Mapping[PlacementId, Sequence[VariantId]]


def covering_slates(content: Content, eligible: Sequence[Eligible]) -> list[tuple[int, Slate]]:
    """Recipients by number, each with a slate: the default one and their heaviest for everybody, and then more until every variant that
    somebody of them may see is in one of them. `eligible`: what each recipient may be shown."""
    letters = [(who, _filled(content, {}, {})) for who in range(len(eligible))]
    letters += [(who, _filled(content, _heaviest(content, seen), seen)) for who, seen in enumerate(eligible)]
    shown = {(placement, variant) for _, slate in letters for placement, variants in slate.items() for variant in variants}
    letters += _rest(content, eligible, shown)
    return list({(who, tuple(sorted(slate.items()))): (who, slate) for who, slate in letters}.values())


def _rest(content: Content, eligible: Sequence[Eligible], shown: set[tuple[PlacementId, VariantId]]) -> Iterator[tuple[int, Slate]]:
    """Round by round, each recipient is given what nobody was shown yet, until a round brings nothing."""
    left = {(placement, v) for seen in eligible for placement, variants in seen.items() for v in variants} - shown
    while left:
        before = len(left)
        for who, seen in enumerate(eligible):
            new = {placement: tuple(v for v in variants if (placement, v) in left) for placement, variants in seen.items()}
            slate = _filled(content, new, seen)
            fresh = {(placement, v) for placement, variants in slate.items() for v in variants} & left
            if fresh:
                left -= fresh
                yield who, slate
        if len(left) == before:
            return


def _heaviest(content: Content, seen: Eligible) -> Slate:
    """The largest variants that a recipient may be shown, by their source."""
    weight = {(v.placement, v.variant): len(v.block.html) + len(v.block.text) for v in content.variants}
    return {placement: tuple(sorted(variants, key=lambda v: -weight[placement, v])) for placement, variants in seen.items()}


def _filled(content: Content, wanted: Mapping[PlacementId, tuple[VariantId, ...]], seen: Eligible) -> Slate:
    """A whole slate: what is wanted first, then the default slate, then whatever else the recipient may be shown; each variant once."""
    return {
        p.placement: tuple(dict.fromkeys((*wanted.get(p.placement, ()), *content.default_slate(p.placement), *seen.get(p.placement, ()))))[
            : p.positions
        ]
        for p in content.campaign.placements
    }
