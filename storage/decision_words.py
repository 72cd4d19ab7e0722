"""The words of the decision store: read, extended by what a publication needs, and kept for as long as something needs them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.ids import PlacementId, SendId, VariantId
from storage.decision_layout import (
    CAMPAIGNS,
    PLACEMENTS,
    SENDS,
    Words,
    code_of,
    counter_of,
    split_send,
    variants_of,
    words_key_of,
    written,
)
from storage.redis_wire import Wire, joined, packed

_DAY = 86_400  # seconds that words outlive what is written with them, for clocks that differ


def read_words(wire: Wire, campaign: str) -> Words:
    """The words of a campaign as they stand."""
    [told] = wire.ask(packed(b"HGETALL", words_key_of(campaign)), 1)
    return Words.read(dict(zip(told[::2], told[1::2], strict=True)))


def campaigns_of(wire: Wire) -> list[str]:
    """The campaigns that something was ever published of and is kept."""
    [told] = wire.ask(packed(b"SMEMBERS", CAMPAIGNS), 1)
    return sorted(name.decode("utf-8", "surrogatepass") for name in told)


class WordBook:
    """The words of one campaign while something is being published."""

    def __init__(self, wire: Wire, campaign: str, at: int) -> None:
        self._wire, self._key, self._campaign = wire, words_key_of(campaign), campaign
        self.words = read_words(wire, campaign)
        if stale := self.words.stale(at):
            wire.ask(packed(b"HDEL", self._key, *(name.encode("utf-8", "surrogatepass") for name in stale)), 1)
            self.words = read_words(wire, campaign)

    def need(self, choices: Mapping[PlacementId, Iterable[VariantId]], sends: Iterable[SendId], until: int) -> None:
        """Have a code for each of these words, and keep it until then. Comes before anything is written with them."""
        self._learn(PLACEMENTS, choices, until)
        self._learn(SENDS, {split_send(send)[0] for send in sends}, until)
        for placement, variants in choices.items():
            self._learn(variants_of(self.words.codes[PLACEMENTS, placement]), variants, until)
        self._keep(until)

    def _learn(self, space: str, texts: Iterable[str], until: int) -> None:
        """Two writers who meet the same new word may give it two codes: both read as it."""
        wanted = sorted(set(texts))
        codes = {text: self.words.codes.get((space, text)) for text in wanted}
        fresh = self._fresh(space, sum(code is None for code in codes.values()))
        changed = {text: code or next(fresh) for text, code in codes.items()}
        late = {text: code for text, code in changed.items() if self.words.until.get(f"{space}.{code}", -1) < until}
        for text, code in late.items():
            self.words.learn(space, code, text, until)
        if late:
            pairs = [part for text, code in late.items() for part in (f"{space}.{code}".encode(), written(until, text))]
            self._wire.ask(packed(b"HSET", self._key, *pairs), 1)

    def _fresh(self, space: str, count: int) -> Iterator[str]:
        if not count:
            return iter(())
        [last] = self._wire.ask(packed(b"HINCRBY", self._key, counter_of(space).encode(), b"%d" % count), 1)
        return iter([code_of(number) for number in range(last - count, last)])

    def _keep(self, until: int) -> None:
        name, end = self._campaign.encode("utf-8", "surrogatepass"), until + _DAY
        lives = [expiry for key in (self._key, CAMPAIGNS) for expiry in expiries(key, end)]
        self._wire.ask(*joined([packed(b"SADD", CAMPAIGNS, name), *lives]))


def expiries(key: bytes, at: int) -> Sequence[bytes]:
    """A key lives until then at least: NX for one that had no end, GT never shortens what others published into it."""
    return packed(b"EXPIREAT", key, b"%d" % at, b"NX"), packed(b"EXPIREAT", key, b"%d" % at, b"GT")
