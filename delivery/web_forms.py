"""What pages show of a campaign: the fragment of each variant of a published placement, and how placements are combined.

A placement of pages has files NAME.html, front matter first. A block of a letter that pages show too has NAME.html beside its NAME.mjml,
which says everything else about both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from delivery.campaign_folder import CAMPAIGN, CampaignFolder, SourceFile
from delivery.fragments import check_fragment, read_fragment
from delivery.front_matter import VariantSource
from domain.campaign import Campaign, Placement, PlacementKind
from domain.errors import Mistake

MOST_COMBINATIONS = 1_000  # files of one group of placements: each is fetched before any of them counts


def read_fragments(
    folder: CampaignFolder, placements: Iterable[Placement], variants: Iterable[VariantSource], mistakes: list[Mistake]
) -> dict[tuple[str, str], str]:
    """The HTML of the variants that pages show, by folder and variant; what is wrong with them is added to `mistakes`."""
    twins = _twins(folder, [one.folder for one in placements if one.web])
    texts = dict[tuple[str, str], tuple[str, str]]()
    for variant in variants:
        key = variant.placement.folder, str(variant.variant)
        if variant.placement.kind is PlacementKind.WEB:
            texts[key] = variant.body, variant.source.file
        elif variant.placement.web and (twin := twins.pop(key, None)):
            texts[key] = twin.text, twin.file
            mistakes += _front_matter_of(twin)
        elif variant.placement.web:
            hint = f"write {variant.variant}.html beside it: what pages show in its place"
            mistakes.append(Mistake(f"{variant.source.name.with_suffix('.html')} is missing", variant.source.file, None, hint))
    for twin in twins.values():
        hint = f"{twin.name.with_suffix('.mjml')} is missing or cannot be read; a name that begins with _ is a draft"
        mistakes.append(Mistake("the fragment of a variant that is not there", twin.file, None, hint))
    mistakes += [mistake for text, file in texts.values() for mistake in check_fragment(text, file)]
    return {key: read_fragment(text).html for key, (text, _) in texts.items()}


def _twins(folder: CampaignFolder, names: Sequence[str]) -> dict[tuple[str, str], SourceFile]:
    pairs = 2  # placement/variant.html
    html = (source for source in folder.in_folders() if source.name.suffix == ".html" and len(source.name.parts) == pairs)
    return {(source.name.parts[0], source.name.stem): source for source in html if source.name.parts[0] in names}


def _front_matter_of(twin: SourceFile) -> list[Mistake]:
    if not twin.text.startswith("---"):
        return []
    return [Mistake("front matter", twin.file, 1, f"that of {twin.name.with_suffix('.mjml')} is for both")]


def check_combinations(campaign: Campaign, variants: Iterable[VariantSource], folder: CampaignFolder) -> list[Mistake]:
    """Groups of placements whose variants make more combinations than anybody should fetch one by one."""
    counts: Mapping[str, int] = Counter(variant.placement.folder for variant in variants)
    sizes = [(group, prod(counts[name] for name in group)) for group in campaign.permutations]
    hint = f"at most {MOST_COMBINATIONS:,}: publish the placements one by one, or have fewer variants"
    file = folder.file_named(CAMPAIGN).file
    return [
        Mistake(f"permutations: {' and '.join(group)} make {size:,} combinations", file, None, hint)
        for group, size in sizes
        if size > MOST_COMBINATIONS
    ]
