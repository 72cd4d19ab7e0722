"""Publish what visitors get of whom nothing is known but a context, such as their country."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from domain.errors import InputError
from domain.ids import RecipientId, SendId, context_id_of
from domain.recipient import AttributeKind
from flows.decide_shards import CONTEXTS
from flows.load_basis import load_basis
from ranking.deciding.contexts import added_up, context_slates
from runtime.house import House, shared_house

_STANDARD = ("locale", "time_zone")  # columns that every recipient has, and that no single one could be known by


@task(name="publish contexts", cache_policy=NO_CACHE)
def publish_contexts(send_id: SendId) -> int:
    """Publish the defaults by context of a refresh, for as long as its decisions hold; returns how many. None without a model."""
    house = shared_house()
    basis, partition = load_basis(house, send_id), {"send_id": send_id}
    files = house.lake.files(CONTEXTS, partition)
    if not files:
        return 0
    sums = added_up([house.lake.read_file(path).to_pandas() for path in files])
    slates = context_slates(sums, basis.content, basis.content.campaign.refresh.context_recipients)
    rows = [
        (RecipientId(context_id_of(attribute, value)), placement, slate, send_id) for (attribute, value, placement), slate in slates.items()
    ]
    return house.decisions.publish(rows, ttl=basis.ttl, at=basis.send.as_of)


def check_contexts(house: House, contexts: tuple[str, ...]) -> None:
    """Raise InputError for a context that is no category: a number has too many values, and a text may be somebody's name."""
    kinds = house.recipients.attributes()
    for name in contexts:
        if name not in _STANDARD and kinds.get(name) is not AttributeKind.CATEGORICAL:
            there = ", ".join([*_STANDARD, *(one for one, kind in kinds.items() if kind is AttributeKind.CATEGORICAL)])
            what = f"is {kinds[name]}" if name in kinds else "does not exist"
            raise InputError(f"{name!r} {what}; a context is a category of recipients", where="refresh: contexts", hint=f"there: {there}")
