"""Writes decisions into Redis, many commands at a time; a reader waits for few of them (FACTS §5).

What a call publishes for a recipient of a campaign is one value. Where that is all the campaign has published lately, the value goes in
as it is. Where it is less (one placement of three), what else stands there is kept: read, added to and written in one transaction
that starts anew if somebody else wrote there meanwhile (WATCH).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from domain.errors import UnavailableError
from domain.ids import PlacementId, RecipientId, SendId, VariantId, refresh_of
from domain.serving import StoredDecision
from storage.database import batches
from storage.decision_layout import Entries, Words, campaign_of, choice_of, head_of, key_of, place_of, unpacked
from storage.decision_layout import packed as packed_entries
from storage.decision_words import WordBook, expiries
from storage.redis_wire import Wire, bulk, joined, packed

PIPELINE = 1_000  # commands at a time
_AT_ONCE = 40  # hashes: Redis does these in a quarter of a millisecond, and readers wait no longer
_TOGETHER = 100  # recipients in one transaction: it is served in one go
_ATTEMPTS = 50

Published = tuple[RecipientId, PlacementId, Sequence[VariantId], SendId]
Choice = tuple[PlacementId, Sequence[VariantId], SendId]
Slates = Mapping[RecipientId, tuple[Choice, ...]]
Change = Callable[[Entries], Entries | None]
"""What stands → what is to stand; None: it stays as it is."""


def gathered(rows: Iterable[Published]) -> dict[str, Slates]:
    """By campaign and recipient. Rows of one recipient come together wherever they are among these."""
    found: dict[str, dict[RecipientId, tuple[Choice, ...]]] = {}
    campaigns: dict[PlacementId, dict[RecipientId, tuple[Choice, ...]]] = {}
    for recipient, placement, variants, send in rows:
        people = campaigns.get(placement)
        if people is None:
            people = campaigns[placement] = found.setdefault(campaign_of(placement), {})
        choice = (placement, variants if type(variants) is tuple else tuple(variants), send)
        people[recipient] = (*people.get(recipient, ()), choice)
    return dict(found)


def publish_slates(wire: Wire, campaign: str, slates: Slates, expires_at: int, at: int) -> None:
    """Publish what was gathered for a campaign."""
    book = _book(wire, campaign, slates, expires_at, at)
    live = book.words.live_placements(at)
    spelling = _Spelling(book.words, expires_at)
    whole: dict[int, list[bytes]] = {}
    partial: list[tuple[RecipientId, Change]] = []
    for recipient, choices in slates.items():
        value = spelling.value(choices) if live.issubset([choice[0] for choice in choices]) else None
        if value is None:
            partial.append((recipient, _beside(_entries(choices, expires_at))))
            continue
        number, field = place_of(recipient)
        whole.setdefault(number, []).append(b"$8\r\n%b\r\n$%d\r\n%b\r\n" % (field, len(value), value))
    _write_hashes(wire, campaign, whole, expires_at)
    rewrite(wire, campaign, book.words, partial, expires_at)


def replace_slates(wire: Wire, campaign: str, slates: Slates, expires_at: int, at: int) -> int:
    """Publish in place of entries of the same send alone, what was decided within sessions on top of it included; returns how many."""
    book = _book(wire, campaign, slates, expires_at, at)
    wanted = {recipient: _entries(choices, expires_at) for recipient, choices in slates.items()}
    changes = [(recipient, _instead(entries)) for recipient, entries in wanted.items()]
    stood = rewrite(wire, campaign, book.words, changes, expires_at)
    return sum(len(_same_send(wanted[recipient], before)) for (recipient, _), before in zip(changes, stood, strict=True))


def rewrite(wire: Wire, campaign: str, words: Words, changes: Sequence[tuple[RecipientId, Change]], expires_at: int) -> list[Entries]:
    """Change what stands there for recipients; returns what stood there before, in the same order."""
    stood = list[Entries]()
    for batch in batches(changes, _TOGETHER):
        stood += _rewritten(wire, campaign, words, batch, expires_at)
    return stood


def _rewritten(wire: Wire, campaign: str, words: Words, batch: Sequence[tuple[RecipientId, Change]], expires_at: int) -> list[Entries]:
    places = [(key_of(campaign, number), field) for number, field in (place_of(recipient) for recipient, _ in batch)]
    for _ in range(_ATTEMPTS):
        watched = [packed(b"WATCH", *{key for key, _ in places}), *(packed(b"HGET", key, field) for key, field in places)]
        _, *values = wire.ask(*joined(watched))
        before = [readable(value, words) for value in values]
        after = [change(entries) for (_, change), entries in zip(batch, before, strict=True)]
        commands = list(_set(places, after, words, expires_at))
        if wire.ask(*joined([packed(b"MULTI"), *commands, packed(b"EXEC")]))[-1] is not None:
            return before
    raise UnavailableError("the decision store is written to all the time: nothing can be added to what it holds")


def readable(value: object, words: Words) -> Entries:
    """The entries of a value; none of one that nobody can read."""
    try:
        return unpacked(value, words) if isinstance(value, bytes) else {}
    except ValueError:
        return {}


def _set(places: Sequence[tuple[bytes, bytes]], after: Sequence[Entries | None], words: Words, expires_at: int) -> Iterator[bytes]:
    for (key, field), entries in zip(places, after, strict=True):
        if entries is not None:
            yield packed(b"HSET", key, field, packed_entries(entries, words))
            yield from expiries(key, max(expires_at, *(entry.expires_at for entry in entries.values())))


def _write_hashes(wire: Wire, campaign: str, hashes: Mapping[int, Sequence[bytes]], expires_at: int) -> None:
    """Three commands per hash. One of them takes all of its entries."""
    until = [b"EXPIREAT\r\n%b" + bulk(b"%d" % expires_at).replace(b"%", b"%%") + bulk(mode) for mode in (b"NX", b"GT")]
    template = b"*%d\r\n$4\r\nHSET\r\n%b%b" + b"".join(b"*4\r\n$8\r\n" + one for one in until)
    for numbers in batches(list(hashes), _AT_ONCE):
        commands = list[bytes]()
        for number in numbers:
            key, entries = bulk(key_of(campaign, number)), hashes[number]
            commands.append(template % (2 + 2 * len(entries), key, b"".join(entries), key, key))
        wire.ask(b"".join(commands), 3 * len(commands))


def _book(wire: Wire, campaign: str, slates: Slates, expires_at: int, at: int) -> WordBook:
    """The campaign's words, with all that these slates need."""
    choices: dict[PlacementId, set[VariantId]] = {}
    sends = set[SendId]()
    for combination in set(slates.values()):
        for placement, variants, send in combination:
            choices.setdefault(placement, set()).update(variants)
            sends.add(send)
    book = WordBook(wire, campaign, at)
    book.need(choices, sends, expires_at)
    return book


class _Spelling:
    """What `decision_layout.packed` writes, for many recipients of one publication: every part of it is spelled once."""

    def __init__(self, words: Words, expires_at: int) -> None:
        self._words, self._expires_at = words, expires_at
        self._heads: dict[SendId, str] = {}
        self._choices: dict[tuple[PlacementId, Sequence[VariantId]], str] = {}

    def value(self, choices: tuple[Choice, ...]) -> bytes | None:
        """The value of decisions of one send; None where there are several."""
        send = choices[0][2]
        spelled: dict[PlacementId, str] = {}
        for placement, variants, other in choices:
            if other != send:
                return None
            spelled[placement] = self._choices.get((placement, variants)) or self._choice(placement, variants)
        head = self._heads.get(send) or self._heads.setdefault(send, head_of(self._expires_at, send, self._words))
        return (head + "".join(spelled.values())).encode()

    def _choice(self, placement: PlacementId, variants: Sequence[VariantId]) -> str:
        return self._choices.setdefault((placement, variants), choice_of(placement, variants, self._words))


def _entries(choices: tuple[Choice, ...], expires_at: int) -> dict[PlacementId, StoredDecision]:
    return {placement: StoredDecision(tuple(variants), send, expires_at) for placement, variants, send in choices}


def _beside(entries: Entries) -> Change:
    return lambda stands: {**stands, **entries}


def _instead(entries: Entries) -> Change:
    def change(stands: Entries) -> Entries | None:
        same = _same_send(entries, stands)
        return {**stands, **{placement: entries[placement] for placement in same}} if same else None

    return change


def _same_send(entries: Entries, stands: Entries) -> list[PlacementId]:
    return [placement for placement, entry in entries.items() if _is_of(stands.get(placement), entry.send_id)]


def _is_of(stands: StoredDecision | None, send: SendId) -> bool:
    return stands is not None and refresh_of(stands.send_id) == refresh_of(send)
