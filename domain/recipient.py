"""The recipient, as the one who is written to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.ids import RecipientId

AttributeValue = str | float | bool | None

# What every recipient has; all further columns are attributes, declared when they are first imported.
STANDARD_COLUMNS = ("recipient_id", "address", "time_zone", "locale", "consent", "created_at")


class AttributeKind(StrEnum):
    """How a declared recipient attribute is read: as a number, a category, or text that is printed but never a feature."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person who may be written to. `time_zone` is an IANA name, `locale` a BCP 47 tag."""

    recipient_id: RecipientId
    address: str
    time_zone: str = "UTC"
    locale: str = "en"
    consent: bool = False
    created_at: datetime | None = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)


def normalised(address: str) -> str:
    """The form in which two spellings of one mailbox are equal: trimmed and case-folded.

    RFC 5321 leaves the local part's case to the receiving host; every large provider folds it, and a second
    letter to one mailbox harms more than a folded case. Plus-tags and dots are kept: they are distinct elsewhere.
    """
    return address.strip().casefold()
