"""A campaign's sources, read and checked: everything that can be said about them before MJML is compiled."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from delivery.campaign_file import placements_in, read_campaign
from delivery.campaign_folder import LETTER, CampaignFolder, SourceFile, read_folder
from delivery.cutting import CutError, check_balanced
from delivery.diversity_check import check_diversity
from delivery.file_models import nearest
from delivery.frame_rules import check_frame, places_in
from delivery.front_matter import VariantSource, check_front, read_variant
from delivery.jinja_check import Known, check_template
from delivery.mjml import COMPILERS, Nodes
from delivery.mjml_rules import CUTTABLE, check_mjml
from delivery.mjml_tree import ENDING, Element, read_mjml
from delivery.tokens import Tokens
from delivery.web_forms import check_combinations, read_fragments
from domain.campaign import Campaign, Placement, PlacementKind
from domain.errors import InvalidInput, Mistake

T = TypeVar("T")
_FORMAT = "letterpress content 1"  # change it when the same sources are compiled differently
_UNBALANCED_BY_DESIGN = frozenset(("mj-raw", "mj-style", "mj-title", "mj-preview"))


@dataclass(frozen=True, slots=True)
class Sources:
    """What a campaign is made of, understood and free of the mistakes that can be seen in the files."""

    folder: CampaignFolder
    campaign: Campaign
    content_version: str
    tokens: Tokens
    frame: Nodes
    variants: tuple[VariantSource, ...]
    blocks: Mapping[tuple[str, str], Nodes]  # MJML of the block variants, by folder and variant
    fragments: Mapping[tuple[str, str], str]  # HTML of the variants that pages show, by folder and variant


@dataclass(frozen=True, slots=True)
class Written:
    """A text of some other language (SQL) as it stands in a file."""

    text: str
    file: str
    line: int | None


@dataclass(slots=True)
class _Findings:
    mistakes: list[Mistake] = field(default_factory=list)

    def attempt(self, work: Callable[[], T]) -> T | None:
        """The work's result, or None with its mistakes noted."""
        try:
            return work()
        except InvalidInput as error:
            self.mistakes += error.mistakes
            return None

    def settle(self) -> None:
        """Raise what was found."""
        if self.mistakes:
            raise InvalidInput(sorted(dict.fromkeys(self.mistakes), key=lambda m: (m.file or "", m.line or 0)))


def read_sources(path: Path, known: Known) -> Sources:
    """Read a campaign's folder. Raises InvalidInput with every mistake, each with file and line where it has them."""
    folder, findings = read_folder(path), _Findings()
    version = folder.digest(_FORMAT, *COMPILERS)
    tokens = Tokens(version[:8])
    campaign = findings.attempt(lambda: read_campaign(folder))
    placements = campaign.placements if campaign else placements_in(folder)
    variants = _read_variants(folder, placements, findings) if placements else []
    frame = _read_frame(folder, (placements, variants), tokens, known, findings)
    findings.mistakes += _default_mistakes(placements, variants, folder)
    if campaign:
        findings.mistakes += check_diversity(campaign, variants, folder) + check_combinations(campaign, variants, folder)
    blocks = _read_blocks(variants, {name: parent for name, parent, _ in places_in(frame)}, tokens, known, findings)
    fragments = read_fragments(folder, placements, variants, findings.mistakes)
    findings.settle()
    assert campaign is not None  # noqa: S101 - settled above
    return Sources(folder, campaign, version, tokens, frame, tuple(variants), blocks, fragments)


def _read_frame(
    folder: CampaignFolder, around: tuple[Sequence[Placement], Sequence[VariantSource]], tokens: Tokens, known: Known, findings: _Findings
) -> Nodes:
    """The letter around these placements and variants; none for a campaign on the web, which then may not have the file of one."""
    placements, variants = around
    if placements and all(one.kind is PlacementKind.WEB for one in placements):
        if (letter := folder.find(LETTER)) is not None:
            findings.mistakes.append(Mistake("a campaign on the web has no letter", letter.file, None, "delete it"))
        return []
    letter = findings.attempt(lambda: folder.file_named(LETTER))
    frame = findings.attempt(lambda: _read_letter(letter, tokens, known)) if letter else None
    if letter and frame is not None and placements:
        findings.mistakes += check_frame(frame, letter, placements, variants, tokens)
    return frame or []


def _read_blocks(
    variants: Iterable[VariantSource], parents: Mapping[str, str], tokens: Tokens, known: Known, findings: _Findings
) -> dict[tuple[str, str], Nodes]:
    """The MJML of block variants, each as a child of the element that its place stands in; subjects are checked and have none.

    Pages' own variants have none either, and are checked with all other fragments.
    """
    blocks: dict[tuple[str, str], Nodes] = {}
    for variant in variants:
        findings.mistakes += check_front(variant)
        if variant.placement.kind is PlacementKind.SUBJECT:
            findings.mistakes += _subject_mistakes(variant, known)
            continue
        if variant.placement.kind is PlacementKind.WEB:
            continue
        parent = parents.get(variant.placement.folder, "mj-body")
        read = partial(_read_block, variant, parent, tokens, known)
        blocks[variant.placement.folder, str(variant.variant)] = findings.attempt(read) or []
    return blocks


def written_expressions(path: Path) -> list[Written]:
    """The audience and the conditions of a campaign's folder, as far as its files can be read; what cannot is for `read_sources` to say."""
    folder, findings = read_folder(path), _Findings()
    campaign = findings.attempt(lambda: read_campaign(folder))
    variants = _read_variants(folder, placements_in(folder), findings)
    audience = [Written(campaign.audience, folder.file_named("campaign.yaml").file, campaign.audience_line)] if campaign else []
    return [*audience, *(Written(v.front.where, v.source.file, v.where_line) for v in variants if v.front.where)]


def _read_letter(source: SourceFile, tokens: Tokens, known: Known) -> Nodes:
    findings = _Findings(check_template(source.text, source.file, known))
    nodes = findings.attempt(lambda: read_mjml(source.text, source.file, tokens)) or []
    if [node.tag for node in nodes if isinstance(node, Element)] != ["mjml"] and not findings.mistakes:
        findings.mistakes.append(Mistake("a letter is one <mjml> element", source.file, 1))
    for root in nodes:
        if isinstance(root, Element):
            findings.mistakes += check_mjml(root.children, "mjml", source.file, tokens) + _unbalanced(root, source.file, tokens)
    findings.settle()
    return nodes


def _read_block(variant: VariantSource, parent: str, tokens: Tokens, known: Known) -> Nodes:
    file = variant.source.file
    findings = _Findings(check_template(variant.body, file, known))
    nodes = findings.attempt(lambda: read_mjml(variant.body, file, tokens)) or []
    findings.mistakes += check_mjml(nodes, parent if parent in CUTTABLE else "mj-body", file, tokens)
    findings.mistakes += [m for node in nodes if isinstance(node, Element) for m in _unbalanced(node, file, tokens)]
    findings.settle()
    return nodes


def _unbalanced(top: Element, file: str, tokens: Tokens) -> list[Mistake]:
    """HTML inside text elements whose tags do not pair up."""
    found = []
    for element in top.walk():
        if element.tag in ENDING - _UNBALANCED_BY_DESIGN:
            try:
                check_balanced(tokens.mask(element.content))
            except CutError as error:
                found.append(Mistake(f"in <{element.tag}>: {error.what}", file, element.line))
    return found


def _read_variants(folder: CampaignFolder, of: Iterable[Placement], findings: _Findings) -> list[VariantSource]:
    placements = {placement.folder: placement for placement in of}
    variants = []
    for source in folder.in_folders():
        if (placement := placements.get(source.name.parts[0])) is None:
            hint = nearest(source.name.parts[0], dict(placements)) + "; a name that begins with _ is a draft"
            findings.mistakes.append(Mistake("the folder is no placement of campaign.yaml", source.file, None, hint))
        elif len(source.name.parts) > 2:  # noqa: PLR2004 - placement/variant.mjml
            findings.mistakes.append(Mistake("variants stand directly in their placement's folder", source.file))
        elif placement.web and source.name.suffix == ".html":
            continue  # the twin of a variant: `read_fragments` pairs them
        elif (variant := findings.attempt(partial(read_variant, source, placement))) is not None:
            variants.append(variant)
    return variants


def _default_mistakes(placements: Iterable[Placement], variants: Iterable[VariantSource], folder: CampaignFolder) -> list[Mistake]:
    """Every placement has as many variants as positions, and each rank of its defaults once."""
    return [m for placement in placements for m in _slate(placement, [v for v in variants if v.placement == placement], folder)]


def _slate(placement: Placement, variants: list[VariantSource], folder: CampaignFolder) -> list[Mistake]:
    where, k = f"{folder.file}/{placement.folder}", placement.positions
    if len(variants) < k:
        return [Mistake(f"{placement.folder} has {len(variants)} variants for {k} position{'s' * (k > 1)}", where)]
    ranks = Counter(v.rank for v in variants if v.rank)
    found = [
        Mistake(f"a second default{f' of rank {v.rank}' * (k > 1)}", v.source.file, v.line_of("default"))
        for v in variants
        if v.rank and ranks[v.rank] > 1
    ]
    for rank in sorted(set(range(1, k + 1)) - set(ranks)):
        hint = f"write `default: {rank if k > 1 else 'true'}` into one variant's front matter"
        found.append(Mistake(f"{placement.folder} has no default variant{f' of rank {rank}' * (k > 1)}", where, None, hint))
    return found


def _subject_mistakes(variant: VariantSource, known: Known) -> list[Mistake]:
    """Those of a subject's line and preheader."""
    findings, file = _Findings(), variant.source.file
    findings.mistakes += findings.attempt(lambda: check_template(variant.body, file, known)) or []
    if "\n" in variant.body.strip():
        findings.mistakes.append(Mistake("a subject is one line", file, variant.body.rstrip().count("\n") + 1))
    about_preheader = _Findings()
    about_preheader.mistakes += about_preheader.attempt(lambda: check_template(variant.front.preheader or "", file, known)) or []
    return findings.mistakes + [replace(mistake, line=variant.line_of("preheader")) for mistake in about_preheader.mistakes]
