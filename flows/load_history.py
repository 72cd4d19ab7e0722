"""Load the history that features and training read: lazily, as datasets of the lake."""

from ranking.history import History
from runtime.house import House


def load_history(house: House) -> History:
    """All decisions, outcomes, events and purchases the lake holds; nothing is read before it is asked for."""
    return History(*(house.lake.dataset(table) for table in ("decisions", "outcomes", "events", "purchases")))
