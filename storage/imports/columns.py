"""What each kind of import takes, column by column. `docs/import.md` prints these tables; a test says they agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.decision import Arm
from domain.recipient import STANDARD_COLUMNS


class ImportKind(StrEnum):
    """What can be imported."""

    RECIPIENTS = "recipients"
    DECISIONS = "decisions"
    EVENTS = "events"
    PURCHASES = "purchases"


class ColumnType(StrEnum):
    """How a column's values are read."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    FLAG = "true or false"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `low` is exclusive if `above`; `words` lists the only values there are."""

    name: str
    type: ColumnType
    doc: str
    required: bool = False
    low: float | None = None
    above: bool = False
    high: float | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KindSpecification:
    """The columns of a kind; `extras` says what becomes of further ones: attributes, properties, or None (refused)."""

    columns: tuple[Column, ...]
    extras: str | None = None

    def named(self) -> Mapping[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}


_T, _W, _N, _F, _I = ColumnType
_SMALLINT = 32_767

_RECEIVED = Column("received_at", _I, "when it was known; when it happened, if left out")

RECIPIENTS = KindSpecification(
    (
        Column("recipient_id", _T, "your id of the person; never changes", required=True),
        Column("address", _T, "their mailbox; one recipient per mailbox", required=True),
        Column("consent", _F, "whether they agreed to be written to; empty means no", required=True),
        Column("time_zone", _T, "IANA name such as Europe/Vienna; UTC if empty"),
        Column("locale", _T, "language tag such as de-AT; en if empty"),
        Column("created_at", _I, "since when you know them"),
    ),
    extras="attributes",
)

DECISIONS = KindSpecification(
    (
        Column("recipient_id", _T, "who was shown it", required=True),
        Column("placement", _T, "where, such as weekly.hero", required=True),
        Column("variant", _T, "what was shown", required=True),
        Column("decided_at", _I, "when it was decided or sent", required=True),
        Column("position", _W, "1, 2, … within the placement; 1 if left out", low=1, high=_SMALLINT),
        Column("category", _T, "category of the variant; `uncategorised` if empty"),
        Column(
            "propensity",
            _N,
            "probability with which that system showed it there, above 0 up to 1; empty if unknown",
            low=0,
            above=True,
            high=1,
        ),
        Column(
            "prefix_propensity",
            _N,
            "probability of all positions up to this one together; propensity at position 1",
            low=0,
            above=True,
            high=1,
        ),
        Column("candidates", _W, "how many variants there were to choose from", low=1, high=_SMALLINT),
        Column("score", _N, "what that system's model said"),
        Column("arm", _T, "what the recipient was assigned to", words=tuple(arm.value for arm in Arm)),
        Column("clicked", _F, "whether it was clicked"),
        Column("clicked_at", _I, "when; decided_at if left out"),
        Column("converted", _F, "whether a conversion followed"),
        Column("converted_at", _I, "when; decided_at if left out"),
        Column("revenue", _N, "what the conversion was worth; above 0 it implies one"),
        Column("currency", _T, "of the revenue, such as EUR"),
        Column("decision_id", _T, "your id of the decision; else one is made of recipient, placement, position and decided_at"),
        Column("send_id", _T, "your id of the mailing; the import's name if empty"),
        Column("model_version", _T, "version of the model that decided"),
        Column("content_version", _T, "version of the content"),
        Column("received_at", _I, "when the decision was known; decided_at if left out"),
    )
)

EVENTS = KindSpecification(
    (
        Column("recipient_id", _T, "who did it", required=True),
        Column(
            "kind",
            _T,
            "what: opened, clicked, page_viewed, searched, added_to_cart, purchased, …; others are kept as unknown",
            required=True,
        ),
        Column("occurred_at", _I, "when it happened", required=True),
        Column("category", _T, "category of what it was about"),
        Column("item", _T, "the item it was about"),
        Column("device", _T, "such as mobile or desktop"),
        Column("channel", _T, "such as email, web or app"),
        Column("message_id", _T, "our id of the letter"),
        Column("decision_id", _T, "id of the decision it followed"),
        Column("event_id", _T, "your id of the event; else one is made of all of its columns"),
        _RECEIVED,
    ),
    extras="properties",
)

PURCHASES = KindSpecification(
    (
        Column("recipient_id", _T, "who bought", required=True),
        Column("item", _T, "what", required=True),
        Column("amount", _N, "what the line cost in all; negative for a return", required=True),
        Column("occurred_at", _I, "when", required=True),
        Column("quantity", _N, "how many; 1 if left out"),
        Column("category", _T, "category of the item"),
        Column("currency", _T, "such as EUR"),
        Column("purchase_id", _T, "your id of the line; else one is made of all of its columns"),
        _RECEIVED,
    )
)

SPECIFICATIONS: Mapping[ImportKind, KindSpecification] = {
    ImportKind.RECIPIENTS: RECIPIENTS,
    ImportKind.DECISIONS: DECISIONS,
    ImportKind.EVENTS: EVENTS,
    ImportKind.PURCHASES: PURCHASES,
}

# Names that an attribute cannot have: they are columns of our own.
RESERVED = frozenset(STANDARD_COLUMNS) | {"bucket", "address_normalised", "attributes", "updated_at", "exclusion", "arm"}
