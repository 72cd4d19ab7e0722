"""Proofs: real letters of real recipients, handed off to seed addresses instead."""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from delivery.answers import settlement
from delivery.asking import ask
from delivery.calls import freezing
from delivery.compose import Composer
from domain.campaign import PlacementKind, Surface
from domain.content import Content
from domain.decision import Arm
from domain.errors import InputError
from domain.ids import RecipientId, SendId, digest
from domain.ledger import ClaimRequest, Settlement
from domain.message import Letter
from domain.recipient import normalised
from domain.send import Send
from flows.decide_shards import decide_for
from flows.load_basis import basis_of
from flows.open_esp import open_esp
from flows.open_press import press_for
from flows.plan_send import checked_content, planned_send, require_surface
from flows.prepare_choices import fresh_inputs
from flows.print_letters import choices
from runtime.clock import now
from runtime.house import House
from storage.recipients import recipients_of

MARK = "[Proof] "


@dataclass(frozen=True, slots=True)
class Proof:
    """One test copy: whose letter it is, where it went, and what the ESP said."""

    recipient_id: str
    seed: str
    status: str
    reason: str | None


def proof(house: House, campaign: str, recipients: list[str], seeds: list[str], at: datetime) -> list[Proof]:
    """Hand off the letter of each recipient to each seed address, marked as a proof, claimed in the ledger like any other.

    The proofs are a send of their own, so nobody's caps or unsubscribe links are touched.
    """
    content = checked_content(house, campaign)
    require_surface(content, Surface.MAIL)
    content = marked(content)
    planned = planned_send(house, content, at, at)
    send = replace(planned, send_id=SendId(planned.send_id.replace(campaign, f"{campaign}-proof", 1)))
    letters = [copy for who in recipients for copy in _copies(house, content, send, who, seeds)]
    with closing(open_esp(house, content.campaign)) as esp:
        esp.check()
        requests = [_request(letter) for _, _, letter in letters]
        calls = freezing(esp, [letter for _, _, letter in letters])
        claimed = house.ledger.claim(requests, run_id=send.send_id, esp=esp.name, calls=calls, at=now())
        ours = [letter for _, _, letter in letters if letter.message_id in claimed.won]
        said = {answer.message_id: settlement(answer) for answer in ask(esp, ours).answers}
        house.ledger.settle(list(said.values()), at=now())
    return [_proof(who, seed, said.get(letter.message_id)) for who, seed, letter in letters]


def marked(content: Content) -> Content:
    """The content with every subject line marked as a proof."""
    subjects = {p.placement for p in content.campaign.placements if p.kind is PlacementKind.SUBJECT}
    return replace(
        content,
        variants=tuple(
            replace(v, block=replace(v.block, text=MARK + v.block.text)) if v.placement in subjects else v for v in content.variants
        ),
    )


def _copies(house: House, content: Content, send: Send, who: str, seeds: list[str]) -> list[tuple[str, str, Letter]]:
    known = house.recipients.get(who)
    if known is None:
        raise InputError(f"there is no recipient {who!r}", hint="give an id or an address that was imported")
    audience = house.recipients.by_ids([known.recipient_id]).assign(exclusion=None, arm=Arm.INCUMBENT.value)
    basis = basis_of(house, send, content)
    [inputs] = fresh_inputs(basis, [audience])
    decisions = decide_for(basis, inputs, {}).decisions  # one reader meets no limit of a whole send
    recipient, chosen = next(recipients_of(audience)), choices(decisions)[known.recipient_id]
    press: Composer = press_for(house, content, send)
    copies: list[tuple[str, str, Letter]] = []
    for seed in seeds:
        stand_in = RecipientId(f"proof:{digest(normalised(seed), known.recipient_id)}")
        copies.append((known.recipient_id, seed, press.compose(replace(recipient, recipient_id=stand_in, address=seed), chosen)))
    return copies


def _request(letter: Letter) -> ClaimRequest:
    return ClaimRequest(letter.message_id, letter.send_id, letter.recipient_id, 0, letter.address, letter.payload_hash, letter.body_hash)


def _proof(who: str, seed: str, said: Settlement | None) -> Proof:
    if said is None:
        return Proof(who, seed, "kept in", "the address is suppressed, or this proof was handed off before")
    return Proof(who, seed, said.status.value, said.reason)
