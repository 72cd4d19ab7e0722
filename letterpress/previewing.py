"""`letterpress preview`: one recipient's letter to look at, without a send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delivery.compile import compile_campaign
from delivery.compose import Composer, Preview
from delivery.file_models import nearest
from delivery.links import Signer
from domain.content import Content
from domain.errors import InputError
from domain.ids import PlacementId, RecipientId, VariantId, send_id_of
from domain.recipient import Recipient
from domain.send import Send
from letterpress.checking import attributes_of, columns_of
from runtime.house import House
from runtime.settings import Settings
from storage.decision_store import DecisionStore

Slate = Mapping[PlacementId, tuple[VariantId, ...]]
A_READER = Recipient(RecipientId("a-reader"), "reader@letterpress.invalid")


@dataclass(frozen=True, slots=True)
class Shown:
    """A letter and how it came to look like this: `origin` says per placement why these variants."""

    recipient_id: RecipientId
    variants: Slate
    origin: Mapping[PlacementId, str]
    letter: Preview


def preview(settings: Settings, folder: Path, house: House | None, *, who: str | None, asked: Sequence[str], at: datetime) -> Shown:
    """The letter of `who` (of a reader about whom nothing is known, if None). `asked` are `placement=variant` choices.

    A placement that was not asked for shows the recipient's published decision, else the default.
    Raises InputError, InvalidInput or RenderError.
    """
    content = compile_campaign(folder, columns_of(attributes_of(settings)))
    recipient = recipient_of(house, who)
    slate, origin = chosen_slate(content, recipient, asked, house.decisions if house and who else None, at)
    letter = _composer(settings, content, at).preview(recipient, slate)
    return Shown(recipient.recipient_id, slate, origin, letter)


def recipient_of(house: House | None, who: str | None) -> Recipient:
    """The recipient of an id or address; one of whom nothing is known, if None. InputError for one that is not there."""
    if who is None or house is None:
        return A_READER
    if found := house.recipients.get(who):
        return found
    raise InputError("there is no such recipient", hint="give an id or an address as imported")


def _composer(settings: Settings, content: Content, at: datetime) -> Composer:
    campaign = content.campaign.campaign
    send = Send(send_id_of(campaign, at), campaign, at, at, content.content_version, None, 1, "preview", settings.public_url, "preview")
    return Composer(content, send, Signer({"preview": b"no link of a preview is signed"}))


def chosen_slate(
    content: Content, recipient: Recipient, asked: Sequence[str], store: DecisionStore | None, at: datetime
) -> tuple[Slate, Mapping[PlacementId, str]]:
    """Variants by placement, and why these: asked for, decided, or the default."""
    wanted = asked_for(content, asked)
    slate, origin = dict[PlacementId, tuple[VariantId, ...]](), dict[PlacementId, str]()
    for placement in (p.placement for p in content.campaign.placements):
        slate[placement], origin[placement] = content.default_slate(placement), "default"
        if placement in wanted:
            slate[placement], origin[placement] = wanted[placement], "asked for"
        elif store:
            found = store.get(recipient.recipient_id, placement, at, slate[placement])
            if not found.is_default and set(found.variants) <= {v.variant for v in content.of(placement)}:
                slate[placement], origin[placement] = found.variants, f"decided in {found.send_id}"
    return slate, origin


def asked_for(content: Content, asked: Sequence[str]) -> Slate:
    """`hero=winter-garden`, `story=a,b,c` → variants by placement. Raises InputError for a name that is not there."""
    placements = {p.folder: p for p in content.campaign.placements}
    wanted: dict[PlacementId, tuple[VariantId, ...]] = {}
    for text in asked:
        name, _, variants = text.partition("=")
        if name not in placements:
            raise InputError(f"there is no placement {name!r}", hint=nearest(name, dict(placements)))
        placement = placements[name]
        known = {str(v.variant): v for v in content.of(placement.placement)}
        chosen = [v.strip() for v in variants.split(",") if v.strip()]
        if unknown := [v for v in chosen if v not in known]:
            raise InputError(f"{name} has no variant {unknown[0]!r}", hint=nearest(unknown[0], dict(known)))
        wanted[placement.placement] = (*wanted.get(placement.placement, ()), *map(VariantId, chosen))
        if not 1 <= len(wanted[placement.placement]) <= placement.positions:
            raise InputError(f"{name} shows 1 to {placement.positions} variants, not {len(wanted[placement.placement])}")
    return wanted
