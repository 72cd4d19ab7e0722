"""Print letters: a frozen audience and its decisions become letters, one recipient at a time."""

from collections.abc import Collection, Iterator, Mapping

import pandas as pd

from delivery.compose import Composer
from delivery.mime import RenderError
from domain.ids import PlacementId, RecipientId, VariantId, message_id_of
from domain.ledger import UnprintableMessage
from domain.message import Letter
from domain.recipient import Recipient
from domain.send import Send
from storage.recipients import recipients_of

Chosen = Mapping[PlacementId, tuple[VariantId, ...]]


def print_letters(
    composer: Composer, send: Send, audience: pd.DataFrame, decisions: pd.DataFrame, *, shard: int, done: Collection[RecipientId] = ()
) -> Iterator[Letter | UnprintableMessage]:
    """The letters of a shard's admitted recipients but those already `done`, body by body, and in a body in the order of the audience.

    So one body at a time is locked up for printing, and letters that go to the ESP together share theirs. A letter that cannot be
    printed comes out as an UnprintableMessage with the reason, and the others go on.
    """
    admitted = audience[audience["exclusion"].isna() & ~audience["recipient_id"].isin(list(done))]
    chosen = choices(decisions)
    for recipient in recipients_of(body_by_body(admitted, chosen)):
        try:
            yield composer.compose(recipient, chosen[recipient.recipient_id])
        except RenderError as error:
            message_id = message_id_of(send.send_id, recipient.recipient_id)
            yield UnprintableMessage(message_id, send.send_id, recipient.recipient_id, shard, str(error))


def body_by_body(audience: pd.DataFrame, chosen: Mapping[RecipientId, Chosen]) -> pd.DataFrame:
    """The recipients, those side by side who get the same variants; whoever else is in the frame changes nothing about their order."""
    bodies: dict[tuple[tuple[PlacementId, tuple[VariantId, ...]], ...], list[int]] = {}
    for place, recipient in enumerate(audience["recipient_id"]):
        bodies.setdefault(tuple(sorted(chosen[recipient].items())), []).append(place)
    return audience.iloc[[place for body in sorted(bodies) for place in bodies[body]]]


def choices(decisions: pd.DataFrame) -> dict[RecipientId, Chosen]:
    """Recipient → placement → variants by position."""
    ordered = decisions.sort_values(["recipient_id", "placement", "position"])
    found: dict[RecipientId, dict[PlacementId, tuple[VariantId, ...]]] = {}
    for who, placement, variant in zip(ordered["recipient_id"], ordered["placement"], ordered["variant"], strict=True):
        placements = found.setdefault(RecipientId(who), {})
        placements[PlacementId(placement)] = (*placements.get(PlacementId(placement), ()), VariantId(variant))
    return dict(found)


def reprint(composer: Composer, recipient: Recipient, decisions: pd.DataFrame) -> Letter:
    """One recipient's letter again, from what was frozen: the same bytes as were handed off."""
    return composer.compose(recipient, choices(decisions)[recipient.recipient_id])
