"""The person behind a recipient, as whoever erases or exports them must know them."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.ids import MessageId, RecipientId
from domain.recipient import normalised

TOMBSTONE = "erased-"  # how the id begins that stands where a recipient was erased; it is random and says nothing of them


def is_erased(recipient_id: str | None) -> bool:
    """Whether this is a tombstone: what comes in about it later is counted, and its payload not kept."""
    return recipient_id is not None and recipient_id.startswith(TOMBSTONE)


@dataclass(frozen=True, slots=True)
class Person:
    """All that the stores may know somebody by. `aliases` are the site's ids for them (`storage.identities`)."""

    ids: frozenset[RecipientId] = frozenset()
    addresses: frozenset[str] = frozenset()  # as written and normalised, those that they had before too
    aliases: frozenset[str] = frozenset()
    messages: frozenset[MessageId] = frozenset()

    def also_at(self, *addresses: str) -> "Person":
        """The same person with further addresses."""
        known = self.addresses | {form for address in addresses if "@" in address for form in (address, normalised(address))}
        return Person(self.ids, known, self.aliases, self.messages)

    @property
    def names(self) -> frozenset[str]:
        """Every text that is them and nobody else: ids, addresses, and the site's ids."""
        return frozenset({*self.ids, *self.addresses, *(alias[2:] for alias in self.aliases)})


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done. `removed`: place → rows or files that are gone or no longer say whose they were.

    `left`: places that still hold them and that could not be mended, each with what to do.
    """

    tombstone: str
    removed: Mapping[str, int]
    left: tuple[str, ...]
    kept_suppressed: bool
