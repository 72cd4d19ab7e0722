"""From events to verdicts: message by message, with what is known across recipients beside it.

The same events give the same verdicts in whatever order they came, and however often they are judged. What a machine did to a message
is not held against the person whose message it is: every event has its own score.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby

from delivery.machines.agents import BARE, is_bot
from delivery.machines.sightings import UNSUBSCRIBE_LINK, Sighting, sighting_of
from delivery.machines.surroundings import NOTHING_KNOWN, Lookout, Surroundings, Visitor, visitor_of
from delivery.machines.weights import (
    ALONE_S,
    AT_ONCE_S,
    BURST_S,
    FIVE,
    NETWORKS,
    NETWORKS_S,
    POST_S,
    RULE_VERSION,
    THREE,
    TWO_VISITORS_S,
    UNSUBSCRIBE_S,
    Signal,
    score_of,
    verdict_of,
)
from delivery.machines.windows import most_distinct
from domain.event import EventKind
from domain.machine import Judgement, Trace, Verdict

Signals = dict[str, set[Signal]]
"""Event id → what was noticed."""


def judge_all(messages: Callable[[], Iterable[Sequence[Trace]]]) -> Iterator[Judgement]:
    """Judge the events of many messages. `messages` is read twice, and nothing is kept of it but what is known across recipients."""
    lookout = Lookout()
    for message in messages():
        sightings = [sighting_of(trace) for trace in message]
        noticed = _noticed(sightings, NOTHING_KNOWN)
        for one in sightings:
            lookout.note(one, is_machine=_is_machine(noticed[one.event_id]))
    surroundings = lookout.surroundings()
    for message in messages():
        yield from judge([sighting_of(trace) for trace in message], surroundings)


def judge(sightings: Iterable[Sighting], surroundings: Surroundings = NOTHING_KNOWN) -> list[Judgement]:
    """Judge the events of one message, all of them at once. In the order of time and then of event ids."""
    ordered = sorted(sightings, key=lambda one: (one.at, one.event_id))
    noticed = _noticed(ordered, surroundings)
    return [_judgement(one, noticed[one.event_id]) for one in ordered]


def _judgement(one: Sighting, signals: set[Signal]) -> Judgement:
    score = score_of(signals)
    return Judgement(one.event_id, verdict_of(score), score, tuple(signal.value for signal in Signal if signal in signals), RULE_VERSION)


def _is_machine(signals: set[Signal]) -> bool:
    return verdict_of(score_of(signals)) is Verdict.MACHINE


def _noticed(sightings: Sequence[Sighting], surroundings: Surroundings) -> Signals:
    ordered = sorted(sightings, key=lambda one: (one.at, one.event_id))
    asked = [one for one in ordered if not one.posted and one.kind is not EventKind.OPENED]
    found = {one.event_id: _own(one) for one in ordered}
    for signal, marked in _together(asked, [one for one in ordered if one.posted], surroundings):
        found[marked.event_id].add(signal)
    machines = {visitor_of(one) for one in asked if _is_machine(found[one.event_id])} - {None}
    for one in asked:
        if surroundings.is_machine(one) or _came_back(one, machines, found[one.event_id]):
            found[one.event_id].add(Signal.KNOWN_VISITOR)
    return found


def _came_back(one: Sighting, machines: set[Visitor | None], signals: set[Signal]) -> bool:
    """Whether it is not a machine's by itself, and comes from where a machine came to the same message from."""
    return visitor_of(one) in machines and not _is_machine(signals)


def _own(one: Sighting) -> set[Signal]:
    """What an event says by itself. Somebody who pressed a button is somebody, whatever passed the wish on (RFC 8058)."""
    if one.posted:
        return {Signal.POSTED}
    signs = {
        Signal.BOT_AGENT: bool(one.agent) and is_bot(one.agent or ""),
        Signal.NO_AGENT: one.agent == "",
        Signal.BARE_AGENT: one.kind is EventKind.OPENED and one.agent == BARE,
        Signal.ESP_SAYS: one.flagged,
        Signal.PREFETCHED: one.prefetched,
        Signal.AT_ONCE: one.after is not None and one.after < AT_ONCE_S,
    }
    return {signal for signal, is_there in signs.items() if is_there}


def _together(asked: Sequence[Sighting], posts: Sequence[Sighting], around: Surroundings) -> Iterator[tuple[Signal, Sighting]]:
    """What events say beside each other. `asked`: requests for links, by time."""
    crowd = [one for one in asked if around.crowded(one)]
    bursts = list(_bursts(asked))
    yield from ((Signal.CROWD, one) for one in crowd)
    yield from bursts
    yield from ((Signal.THREE_NETWORKS, one) for one in _hopping(asked))
    yield from ((Signal.TWO_VISITORS, one) for one in _changing(asked, around))
    yield from ((Signal.UNSUBSCRIBE_LINK_TOO, one) for one in _beside_unsubscribing(asked, posts))
    company = {one.event_id for one in chain(crowd, (marked for _, marked in bursts))}
    yield from ((Signal.ALONE, one) for one in _alone(asked) if one.event_id not in company)


def _bursts(asked: Sequence[Sighting]) -> Iterator[tuple[Signal, Sighting]]:
    """Events among many distinct links."""
    for own in _by_source([one for one in asked if one.link]):
        for one, links in zip(own, most_distinct([one.at for one in own], [one.link for one in own], BURST_S), strict=True):
            if links >= THREE:
                yield (Signal.FIVE_LINKS if links >= FIVE else Signal.THREE_LINKS), one


def _hopping(asked: Sequence[Sighting]) -> Iterator[Sighting]:
    known = [one for one in asked if one.network]
    counts = most_distinct([one.at for one in known], [one.network for one in known], NETWORKS_S)
    yield from (one for one, networks in zip(known, counts, strict=True) if networks >= NETWORKS)


def _changing(asked: Sequence[Sighting], around: Surroundings) -> Iterator[Sighting]:
    """Events of which each is another visitor's. What is a machine's anyway leaves those beside it alone, and so does a check of a link
    that a person follows: the same link, by another visitor."""
    known = [one for one in asked if visitor_of(one) and one.link and not around.is_machine(one) and not _is_machine(_own(one))]
    for own in _by_source(list(_followed_once(known))):
        times = [one.at for one in own]
        networks, agents, links = (
            most_distinct(times, keys, TWO_VISITORS_S)
            for keys in ([one.network for one in own], [one.agent for one in own], [one.link for one in own])
        )
        yield from (one for one, *counts in zip(own, networks, agents, links, strict=True) if min(counts) > 1)


def _followed_once(asked: Sequence[Sighting]) -> Iterator[Sighting]:
    """Events whose link nobody else followed about then."""
    by_link = sorted(asked, key=lambda one: (one.link or "", one.at, one.event_id))
    found = set[str]()
    for _, alike in groupby(by_link, key=lambda one: one.link):
        own = list(alike)
        visitors = most_distinct([one.at for one in own], [visitor_of(one) for one in own], TWO_VISITORS_S)
        found |= {one.event_id for one, count in zip(own, visitors, strict=True) if count == 1}
    yield from (one for one in asked if one.event_id in found)


def _beside_unsubscribing(asked: Sequence[Sighting], posts: Sequence[Sighting]) -> Iterator[Sighting]:
    """Both the look at the unsubscribe page and the links about it, unless the look led to a wish."""
    led = {one.event_id for one in asked if one.link == UNSUBSCRIBE_LINK and any(0 <= post.at - one.at <= POST_S for post in posts)}
    left = [one for one in asked if one.event_id not in led]
    both = most_distinct([one.at for one in left], [one.link == UNSUBSCRIBE_LINK for one in left], UNSUBSCRIBE_S)
    yield from (one for one, kinds in zip(left, both, strict=True) if kinds == len((True, False)))


def _alone(asked: Sequence[Sighting]) -> Iterator[Sighting]:
    """Events with no other link about them; the same link again is no other."""
    for own in _by_source(asked):
        links = most_distinct([one.at for one in own], [one.link for one in own], ALONE_S)
        yield from (one for one, count in zip(own, links, strict=True) if count == 1)


def _by_source(asked: Sequence[Sighting]) -> Iterator[Sequence[Sighting]]:
    """A click that both an ESP and we counted is not two links."""
    for source in sorted({one.source for one in asked}):
        yield [one for one in asked if one.source == source]
