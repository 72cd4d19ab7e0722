"""A broken model: what it took for the best is the worst. Its files change under it, as a faulty deployment would change them."""

import re

from domain.ids import ModelVersion
from runtime.house import House

_LEAVES = re.compile(r"^leaf_value=(.*)$", re.MULTILINE)


def turned(house: House, model_version: ModelVersion) -> None:
    """Turn the forest of a registered model upside down."""
    path = f"models/{model_version}/forest.txt"
    forest = house.lake.get_bytes(path).decode()
    house.lake.put_bytes(path, _LEAVES.sub(_negated, forest).encode())


def _negated(leaves: re.Match[str]) -> str:
    return "leaf_value=" + " ".join(f"{-float(value):.17g}" for value in leaves[1].split())
