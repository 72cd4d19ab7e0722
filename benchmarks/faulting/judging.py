"""What became of every letter of a send: the ESP's book against the ledger."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.ids import MessageId, SendId, message_id_of
from domain.message import MessageStatus
from storage.database import Database
from storage.lake import Lake
from storage.ledger import SqlLedger

Account = Mapping[str, Any]
Statuses = Mapping[MessageId, MessageStatus]

_LISTED = {MessageStatus.UNKNOWN, MessageStatus.REJECTED, MessageStatus.FAILED, MessageStatus.EXCLUDED}
_SAID_NO = {MessageStatus.REJECTED, MessageStatus.FAILED, MessageStatus.EXCLUDED, MessageStatus.PENDING}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finished send. `lost_unlisted`: letters that the ESP never took and that the ledger lists neither as unknown nor as failed;
    `reasons`: why how many are unknown."""

    duplicates: int
    lost_unlisted: int
    unknown: int
    adds_up: bool
    reasons: Mapping[str, int]


def judge(letters: Set[MessageId], taken: Mapping[str, int], statuses: Statuses, account: Account) -> Verdict:
    """`letters`: what was to go out; `taken`: how often the ESP took which message; `account`: what `letterpress status` tells."""
    by_status = Counter(statuses.values())
    lost = [letter for letter in letters if not taken.get(letter) and statuses.get(letter) not in _LISTED]
    contradicted = [letter for letter, status in statuses.items() if status in _SAID_NO and taken.get(letter)]
    parts = {name: sum(account[name].values()) for name in ("excluded", "failed", "unknown")}
    adds_up = (
        bool(account["adds_up"])
        and account["pending"] == 0
        and account["audience"] == account["handed_off"] + sum(parts.values())
        and account["handed_off"] == by_status[MessageStatus.ACCEPTED]
        and parts["unknown"] == by_status[MessageStatus.UNKNOWN]
        and not contradicted
        and letters >= set(map(MessageId, taken))
    )
    duplicates, unknown = sum(taken.values()) - len(taken), by_status[MessageStatus.UNKNOWN]
    return Verdict(duplicates, len(lost), unknown, adds_up, account["unknown"])


def letters_of(home: Path, send_id: SendId) -> frozenset[MessageId]:
    """The messages of a send's frozen audience."""
    audience = Lake(str(home / "var" / "lake")).read("audience", {"send_id": send_id})
    admitted = audience.loc[audience["exclusion"].isna(), "recipient_id"]
    return frozenset(message_id_of(send_id, recipient) for recipient in admitted)


def statuses_of(database: Database, send_id: SendId) -> dict[MessageId, MessageStatus]:
    """Where each message of a send stands in the ledger."""
    return {message_id_of(send_id, who): status for who, status in SqlLedger(database).statuses(send_id).items()}
