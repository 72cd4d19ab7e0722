"""Events from a queue, as SES → SNS → SQS has them: at least once from there, once into the database.

Who may write into a queue is the queue's own policy, so nothing is signed that we could verify; but what says that it is of a topic has to
be of one of the account's. A message is taken out of the queue after it is on disk.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from delivery.webhooks.accounts import Account
from delivery.webhooks.sns import envelope_of
from domain.errors import UnavailableError
from domain.webhook import WebhookPost

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message. `receipt`: what it is taken out of the queue by."""

    receipt: str
    body: bytes = field(repr=False)


class Queue(Protocol):
    """Where messages come from."""

    def take(self) -> Sequence[QueueMessage]:
        """Some messages; none after a short wait. Raises UnavailableError."""
        ...

    def remove(self, messages: Sequence[QueueMessage]) -> None:
        """These are done with. One that comes back all the same is known by then. Raises UnavailableError."""
        ...


class Keeper(Protocol):
    """Where posts are kept."""

    def append(self, given: Sequence[WebhookPost]) -> object:
        """Keep posts durably, each once."""
        ...


@dataclass(slots=True)
class Polled:
    """What was done so far. `refused`: messages of other topics, which stay in the queue for its own rules to deal with."""

    messages: int = 0
    refused: int = 0


def poll(
    queue: Queue,
    inbox: Keeper,
    account: Account,
    *,
    clock: Callable[[], datetime],
    go_on: Callable[[Polled], bool],
    kept: Callable[[], object],
    pause: Callable[[], None],
) -> Polled:
    """Keep what comes until `go_on` says no; `kept` is called after every batch. While queue or database are away, `pause` and again."""
    done = Polled()
    while go_on(done):
        try:
            messages = queue.take()
            ours = [message for message in messages if _is_ours(message, account)]
            if ours:
                inbox.append([WebhookPost(account.name, account.provider.name, {}, message.body, clock()) for message in ours])
                queue.remove(ours)
                kept()
        except UnavailableError as error:
            _log.warning("the queue waits: %s", error)
            pause()
            continue
        done.messages += len(ours)
        done.refused += len(messages) - len(ours)
    return done


def _is_ours(message: QueueMessage, account: Account) -> bool:
    envelope = envelope_of(message.body)
    return envelope is None or envelope.get("TopicArn") in account.secrets
