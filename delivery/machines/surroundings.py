"""What is known across recipients: networks that came to many of them at once, and visitors that are machines elsewhere."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from delivery.machines.sightings import Sighting
from delivery.machines.weights import CROWD, CROWD_DOMAINS, CROWD_S, VISITOR_RECIPIENTS, VISITOR_SHARE
from delivery.machines.windows import most_distinct
from domain.event import EventKind
from domain.hashing import key_of

Visitor = tuple[str, str]
"""Network and agent."""
_Seen = tuple[float, int, int]  # instant, recipient, mail domain; the latter two hashed, to keep many small


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`crowds`: network → its crowded spells, first and last instant. `machines`: visitors that were machines to most they came to."""

    crowds: Mapping[str, Sequence[tuple[float, float]]]
    machines: frozenset[Visitor]

    def crowded(self, sighting: Sighting) -> bool:
        """Whether it came from a network that came to many recipients, of several mail domains, about then."""
        spells = self.crowds.get(sighting.network or "", ())
        return any(first <= sighting.at <= last for first, last in spells)

    def is_machine(self, sighting: Sighting) -> bool:
        """Whether the same network and agent are a machine's for many others."""
        return visitor_of(sighting) in self.machines


NOTHING_KNOWN = Surroundings({}, frozenset())


def visitor_of(sighting: Sighting) -> Visitor | None:
    """Network and agent; None unless both are known."""
    return (sighting.network, sighting.agent) if sighting.network and sighting.agent is not None else None


class Lookout:
    """Gathers surroundings, message by message."""

    def __init__(self) -> None:
        self._networks: defaultdict[str, list[_Seen]] = defaultdict(list)
        self._visits: defaultdict[Visitor, dict[int, bool]] = defaultdict(dict)

    def note(self, sighting: Sighting, *, is_machine: bool) -> None:
        """Take one in. `is_machine`: by what it did to its own message. Loading pictures is left out: proxies do so for people."""
        if sighting.kind is EventKind.OPENED or sighting.posted or sighting.recipient_id is None or not sighting.network:
            return
        who = key_of(sighting.recipient_id)
        self._networks[sighting.network].append((sighting.at, who, key_of(sighting.domain) if sighting.domain else who))
        if visitor := visitor_of(sighting):
            self._visits[visitor][who] = self._visits[visitor].get(who, False) or is_machine

    def surroundings(self) -> Surroundings:
        """All of it, together."""
        crowds = {network: spells for network, seen in self._networks.items() if len(seen) >= CROWD and (spells := _spells(sorted(seen)))}
        machines = frozenset(visitor for visitor, found in self._visits.items() if _is_machine(found.values()))
        return Surroundings(crowds, machines)


def _is_machine(found: Iterable[bool]) -> bool:
    verdicts = list(found)
    return len(verdicts) >= VISITOR_RECIPIENTS and sum(verdicts) >= VISITOR_SHARE * len(verdicts)


def _spells(seen: Sequence[_Seen]) -> list[tuple[float, float]]:
    """Maximal runs of a network's events that each have enough recipients, and mail domains, about them."""
    times = [at for at, _, _ in seen]
    many = most_distinct(times, [who for _, who, _ in seen], CROWD_S)
    domains = most_distinct(times, [domain for _, _, domain in seen], CROWD_S)
    crowded = [(m >= CROWD and d >= CROWD_DOMAINS, at) for m, d, at in zip(many, domains, times, strict=True)]
    runs = ([at for _, at in run] for busy, run in groupby(crowded, key=itemgetter(0)) if busy)
    return [(run[0], run[-1]) for run in runs]
