"""The send: one scheduled run of a campaign, frozen when it is opened."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.hashing import BUCKETS
from domain.ids import CampaignId, ContentVersion, ModelVersion, SendId


class SendStatus(StrEnum):
    """PLANNED → RUNNING ⇄ PAUSED → FINISHED | CANCELLED. A run that died leaves RUNNING behind; `resume` takes it up."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Send:
    """What a send is made of. Nothing but status and reason changes after it is opened.

    `as_of` is the knowledge cut-off of its features and the date in its letters; `public_url` and `key_id` are what its
    links were signed with, kept so that a letter can be printed again byte for byte.
    """

    send_id: SendId
    campaign: CampaignId
    scheduled_at: datetime
    as_of: datetime
    content_version: ContentVersion
    model_version: ModelVersion | None
    shards: int
    esp: str
    public_url: str
    key_id: str
    sender_domain: str = ""  # whose reputation it uses: warm-up caps count by it
    opened_by: str | None = None
    topic: str | None = None  # what its letters are about: recipients may not want that any more
    candidate_version: ModelVersion | None = None  # the model that decides beside the incumbent, for the share that the salt draws
    rollout_salt: str = ""
    rollout_share: float = 0.0
    status: SendStatus = SendStatus.PLANNED
    reason: str | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """What is done over its shards, in order. Without a model there are no features to compute."""
        return ("audience", *(["features"] if self.model_version else []), "decisions", "handoff")

    def buckets(self, shard: int) -> tuple[int, int]:
        """The buckets [low, high) of a shard in 0 … shards - 1; the shards divide all buckets evenly."""
        return shard * BUCKETS // self.shards, (shard + 1) * BUCKETS // self.shards
