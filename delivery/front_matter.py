"""A variant's file: YAML front matter between two lines of `---`, then its content."""

import re
from dataclasses import dataclass

from delivery.campaign_file import text_line
from delivery.campaign_folder import SourceFile
from delivery.file_models import NAME, VariantFile, read_model
from delivery.yaml_lines import Document, load
from domain.campaign import Placement, PlacementKind
from domain.content import Block, Variant
from domain.errors import InvalidInput, Mistake
from domain.ids import VariantId

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_SUFFIXES = {PlacementKind.BLOCK: ".mjml", PlacementKind.SUBJECT: ".txt", PlacementKind.WEB: ".html"}


@dataclass(frozen=True, slots=True)
class VariantSource:
    """A variant as written. `body` has as many empty lines in front as its front matter has lines: its lines are the file's."""

    variant: VariantId
    placement: Placement
    source: SourceFile
    front: VariantFile
    document: Document
    body: str

    @property
    def rank(self) -> int | None:
        """Its rank among the placement's defaults; None when it is not one of them. `default: true` is rank 1."""
        return int(self.front.default) or None

    @property
    def title(self) -> str:
        """Its title, or its file's name as words."""
        return self.front.title or re.sub(r"[-_]+", " ", self.variant).capitalize()

    @property
    def where_line(self) -> int | None:
        """The line on which `where` begins."""
        return text_line(self.document, self.source, "where") if self.front.where else None

    def compiled(self, campaign: str, block: Block, web: str | None) -> Variant:
        """The variant of a campaign, with what its content was compiled to."""
        front = self.front
        return Variant(
            variant=self.variant,
            placement=self.placement.placement,
            title=self.title,
            category=front.category,
            is_default=self.rank is not None,
            block=block,
            where=front.where,
            live_from=front.live_from,
            live_until=front.live_until,
            features=dict(sorted(front.features.items())),
            preheader=front.preheader,
            file=f"{campaign}/{self.source.name}",
            where_line=self.where_line,
            default_rank=self.rank,
            cap=front.cap,
            limit_per_send=front.limit_per_send,
            web=web,
            fields=dict(sorted(front.fields.items())),
        )

    def line_of(self, key: str) -> int:
        """The line of a key of the front matter; its first when the key is not there."""
        return self.document.line_of((key,))


def read_variant(source: SourceFile, placement: Placement) -> VariantSource:
    """A variant's file. Raises InvalidInput with every mistake of its front matter's form and its line."""
    stem, suffix = source.name.stem, _SUFFIXES[placement.kind]
    if source.name.suffix != suffix or not re.fullmatch(NAME, stem):
        hint = f"variants of {placement.folder} are files NAME{suffix}, NAME of lower-case letters, digits, - and _"
        raise InvalidInput([Mistake("not a variant's file", source.file, None, hint)])
    found = _FRONT.match(source.text)
    if not found:
        raise InvalidInput([Mistake("no front matter", source.file, 1, "begin with a line ---, then `category: …`, then another ---")])
    document = load(found[1], source.file, first_line=2)
    front = read_model(VariantFile, document, source.file)
    body = "\n" * found[0].count("\n") + source.text[found.end() :]
    return VariantSource(VariantId(stem), placement, source, front, document, body)


def check_front(variant: VariantSource) -> list[Mistake]:
    """What does not fit together in a variant's front matter."""
    front, found = variant.front, list[tuple[str, str, str | None]]()
    if front.live_from and front.live_until and front.live_until <= front.live_from:
        found.append(("live_until", "ends before it begins", None))
    if front.preheader and variant.placement.kind is not PlacementKind.SUBJECT:
        found.append(("preheader", "a preheader belongs to a subject", "write it into a file of the subject's folder"))
    if front.fields and not variant.placement.published:
        found.append(
            ("fields", "fields are for pages, and pages do not show this placement", "`web: true` in campaign.yaml, or `features`")
        )
    if front.default is True and variant.placement.positions > 1:
        found.append(("default", f"the placement has {variant.placement.positions} positions", "write the rank: default: 1, default: 2, …"))
    if (variant.rank or 0) > variant.placement.positions:
        found.append(("default", f"rank {variant.rank} is beyond the placement's {variant.placement.positions} positions", None))
    for key in ("cap", "limit_per_send"):
        if variant.rank and getattr(front, key) is not None:
            found.append((key, "a default cannot be rationed: it is what everyone gets for whom nothing else is left", None))
    if not variant.body.strip():
        found.append(("category", "there is nothing after the front matter", None))
    return [Mistake(what, variant.source.file, variant.line_of(key), hint) for key, what, hint in found]
