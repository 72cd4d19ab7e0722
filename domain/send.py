"""The send: one scheduled run of a campaign, frozen when it is opened."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.campaign import Surface
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
    surface: Surface = Surface.MAIL  # WEB: a refresh of the decisions that a site asks for; nothing of it is handed off
    tiers: int = 1  # of a refresh that stops after some time: so many slices of its audience, the most recently active first

    @property
    def is_over(self) -> bool:
        """Whether nothing more is done about it."""
        return self.status in (SendStatus.FINISHED, SendStatus.CANCELLED)

    @property
    def stages(self) -> tuple[str, ...]:
        """What is done over its shards, in order. Without a model there are no features to compute."""
        features = ["features"] if self.model_version else []
        return ("audience", *features, "decisions", *(["handoff"] if self.surface is Surface.MAIL else []))

    @property
    def slots(self) -> int:
        """Shards per tier: those of one tier divide all buckets evenly. Only refreshes have more than one tier."""
        return self.shards // self.tiers

    def buckets(self, shard: int) -> tuple[int, int]:
        """The buckets [low, high) of a shard in 0 … shards - 1."""
        slot = shard % self.slots
        return slot * BUCKETS // self.slots, (slot + 1) * BUCKETS // self.slots

    def shards_of(self, bucket: int) -> tuple[int, ...]:
        """The shards that may hold recipients of a bucket, one per tier."""
        slot = next(slot for slot in range(self.slots) if bucket < self.buckets(slot)[1])
        return tuple(range(slot, self.shards, self.slots))
