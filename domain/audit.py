"""The audit trail: who did what to a send, when, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.ids import SendId


class Deed(StrEnum):
    """What was done."""

    OPENED = "opened"
    ACCEPTED = "accepted"  # a finding of the compliance check, in spite of which the send goes out
    APPROVED = "approved"
    RESUMED = "resumed"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    GATE_TRIPPED = "gate_tripped"
    FINISHED = "finished"
    ROLLOUT_BEGAN = "rollout_began"
    ROLLOUT_ADVANCED = "rollout_advanced"
    ROLLOUT_HELD = "rollout_held"
    ROLLED_BACK = "rolled_back"
    PROMOTED = "promoted"
    REPLACED = "replaced"  # a candidate in the shadow, by a newer one
    VARIANT_RETIRED = "variant_retired"  # `detail` names placement and variant
    VARIANT_REVIVED = "variant_revived"
    CONTENT_WITHDRAWN = "content_withdrawn"  # from pages; `detail` names placement and variant
    REPEATED = "repeated"  # unknown letters that were handed off again, by the campaign's policy


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. `who` is a person's name as they or their system gave it, or `letterpress`. `detail` holds nothing of recipients."""

    at: datetime
    who: str
    what: Deed
    send_id: SendId | None
    why: str | None = None
    detail: Mapping[str, str | int | float] = field(default_factory=dict)
