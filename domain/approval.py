"""The approval of a send by another person than the one who opened it."""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import ContentVersion, SendId


@dataclass(frozen=True, slots=True)
class Approval:
    """Holds only for the content and the audience that were approved: `audience_hash` is the digest of the frozen audience."""

    send_id: SendId
    content_version: ContentVersion
    audience_hash: str
    approved_by: str
    approved_at: datetime
