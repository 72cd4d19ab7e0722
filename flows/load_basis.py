"""Load what the decisions of a send rest on, beside its audience: the send itself, its content, and its models."""

from dataclasses import dataclass, replace
from datetime import timedelta

from domain.campaign import Surface
from domain.content import Content
from domain.holding import held_for
from domain.ids import SendId
from domain.send import Send
from flows.load_model import load_model
from ranking.model import RankingModel
from runtime.house import House

REFRESHED = "refreshed_decisions"


def decisions_of(send: Send) -> str:
    """The lake table of all that a send decided. Decisions of a refresh are not in `decisions` before somebody has seen them."""
    return REFRESHED if send.surface is Surface.WEB else "decisions"


@dataclass(frozen=True, slots=True)
class Basis:
    """What all shards of a send share. `candidate` decides for some recipients in place of `model` while it is rolled out."""

    house: House
    send: Send
    content: Content
    model: RankingModel | None
    candidate: RankingModel | None = None

    @property
    def ttl(self) -> timedelta:
        """For how long its published decisions hold."""
        return held_for(self.content.campaign, timedelta(hours=self.house.settings.decision_ttl_hours))

    @property
    def decisions(self) -> str:
        """The lake table of all its decisions."""
        return decisions_of(self.send)

    def of_candidate(self) -> "Basis":
        """The basis of those whom the candidate decides for: to them it is the model."""
        return replace(self, send=replace(self.send, model_version=self.send.candidate_version), model=self.candidate, candidate=None)


def load_basis(house: House, send_id: SendId) -> Basis:
    """The basis of an opened send."""
    send = house.send(send_id)
    return basis_of(house, send, house.contents.load(send.content_version))


def basis_of(house: House, send: Send, content: Content) -> Basis:
    """The basis of a send with its content at hand, whether or not it was opened."""
    return Basis(house, send, content, load_model(house, send.model_version), load_model(house, send.candidate_version))
