"""A trained model's place in the registry."""

from enum import StrEnum


class ModelState(StrEnum):
    """CANDIDATE → INCUMBENT → RETIRED, or CANDIDATE → REJECTED. A campaign has one incumbent."""

    CANDIDATE = "candidate"
    INCUMBENT = "incumbent"
    REJECTED = "rejected"
    RETIRED = "retired"
