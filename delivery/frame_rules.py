"""What letter.mjml must have: one marked place per placement, and what every letter owes its reader."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from delivery.campaign_folder import SourceFile
from delivery.file_models import nearest
from delivery.front_matter import VariantSource
from delivery.mjml import Nodes
from delivery.mjml_rules import PLACEMENT
from delivery.mjml_tree import Element
from delivery.tokens import JINJA, Tokens
from domain.campaign import Placement, PlacementKind
from domain.errors import Mistake

_OWED = {
    "unsubscribe_url": ("no unsubscribe link", 'every letter owes its reader one: <a href="{{ unsubscribe_url }}">'),
    "campaign.postal_address": ("no postal address", "every letter owes its reader one: {{ campaign.postal_address }}"),
}


def places_in(frame: Nodes) -> Iterator[tuple[str, str, int]]:
    """The marked places of a frame: name, the element it stands in, line."""
    for node in frame:
        if isinstance(node, Element):
            for parent in node.walk():
                for child in parent.children:
                    if isinstance(child, Element) and child.tag == PLACEMENT:
                        yield child.get("name") or "", parent.tag, child.line


def check_frame(
    frame: Nodes, source: SourceFile, placements: Iterable[Placement], variants: Sequence[VariantSource], tokens: Tokens
) -> list[Mistake]:
    """Every mistake of the frame as a frame; as MJML it was checked before."""
    return [*_places(frame, source, placements, tokens), *_owed(source, variants)]


def _places(frame: Nodes, source: SourceFile, placements: Iterable[Placement], tokens: Tokens) -> Iterator[Mistake]:
    names = {placement.folder for placement in placements if placement.kind is PlacementKind.BLOCK}
    places = list(places_in(frame))
    times = Counter(name for name, _, _ in places)
    for name, _, line in places:
        if tokens.in_text(name) or name not in names:
            what = f"{tokens.restore(name)!r} is no placement of kind block in campaign.yaml"
            yield Mistake(what, source.file, line, nearest(name, names))
        elif times[name] > 1:
            yield Mistake(f"placement {name!r} is marked {times[name]} times", source.file, line)
    for name in sorted(names - set(times)):
        yield Mistake(f"placement {name!r} is not marked", source.file, None, f'write <{PLACEMENT} name="{name}" /> where it belongs')


def _owed(source: SourceFile, variants: Sequence[VariantSource]) -> Iterator[Mistake]:
    jinja = " ".join(JINJA.findall(source.text))
    for name, (what, hint) in _OWED.items():
        if name not in jinja:
            yield Mistake(what, source.file, None, hint)
    with_preheader = [v for v in variants if v.front.preheader]
    if with_preheader and "preheader" not in jinja:
        hint = f"write <mj-preview>{{{{ preheader }}}}</mj-preview> into {source.file}"
        yield Mistake("nothing prints the preheader", with_preheader[0].source.file, with_preheader[0].line_of("preheader"), hint)
