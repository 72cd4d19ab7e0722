"""`letterpress preview` of what pages show: the fragments of each published placement, one below the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

from delivery.compile import compile_campaign
from domain.content import Content, Variant
from domain.errors import InputError
from domain.ids import PlacementId, RecipientId, VariantId
from letterpress.checking import attributes_of, columns_of
from letterpress.previewing import chosen_slate, recipient_of
from runtime.house import House
from runtime.settings import Settings

WIDTH = 1080  # of a picture, in pixels, unless somebody says otherwise
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>body{{margin:0;background:#faf7f0}}
main{{display:grid;gap:28px;padding:28px}}h1{{font:13px/1.4 monospace;color:#6a6f66;margin:0 0 8px}}
.several{{display:grid;gap:16px;grid-template-columns:repeat(auto-fit,minmax(240px,1fr))}}</style></head><body><main>
{places}
</main></body></html>"""


@dataclass(frozen=True, slots=True)
class ShownPage:
    """What a visitor would see, and why: as `previewing.Shown` says it of letters."""

    recipient_id: RecipientId
    variants: Mapping[PlacementId, tuple[VariantId, ...]]
    origin: Mapping[PlacementId, str]
    html: str


def preview_page(
    settings: Settings, folder: Path, house: House | None, *, who: str | None, asked: Sequence[str], at: datetime
) -> ShownPage:
    """The published placements of a campaign as `who` would see them. InputError if pages show nothing of it."""
    content = compile_campaign(folder, columns_of(attributes_of(settings)))
    places = [one.placement for one in content.campaign.placements if one.published]
    if not places:
        raise InputError(f"pages show nothing of {content.campaign.campaign}", hint="leave out --web to see its letter")
    recipient = recipient_of(house, who)
    slate, origin = chosen_slate(content, recipient, asked, house.decisions if house and who else None, at)
    page = _PAGE.format(title=escape(content.campaign.title), places="\n".join(_place(content, one, slate[one]) for one in places))
    return ShownPage(recipient.recipient_id, {p: slate[p] for p in places}, {p: origin[p] for p in places}, page)


def _place(content: Content, placement: PlacementId, slate: Sequence[VariantId]) -> str:
    variants = {one.variant: one for one in content.of(placement)}
    shown = [variants[name] for name in slate]
    return (
        f'<div><h1>{placement}: {", ".join(slate)}</h1><div class="{_class(shown)}">{"".join(one.web or "" for one in shown)}</div></div>'
    )


def _class(shown: Sequence[Variant]) -> str:
    return "several" if len(shown) > 1 else "one"
