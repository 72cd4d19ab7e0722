"""Load what the decisions of a send rest on, beside its audience: the send itself, its content, and its model."""

from dataclasses import dataclass

from domain.content import Content
from domain.ids import SendId
from domain.send import Send
from flows.load_model import load_model
from ranking.model import RankingModel
from runtime.house import House


@dataclass(frozen=True, slots=True)
class Basis:
    """What all shards of a send share."""

    house: House
    send: Send
    content: Content
    model: RankingModel | None


def load_basis(house: House, send_id: SendId) -> Basis:
    """The basis of an opened send."""
    send = house.send(send_id)
    return Basis(house, send, house.contents.load(send.content_version), load_model(house, send.model_version))
