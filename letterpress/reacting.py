"""React to signals: remember what visitors did, and decide again for those whom it changes something about."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd

from domain.ids import SendId, session_send_id_of
from domain.send import Send
from domain.signal import SAYS_WHAT_IS_WANTED, Act, Signal
from letterpress.visitor_index import VisitorIndex, forget_others, indexes_of, latest_refreshes, live_now, still_deciding
from ranking.deciding.decide import published
from ranking.deciding.redeciding import is_worth_it, redecide
from ranking.features.sessions import Facts, Sessions, facts_of, rows_at, sessions_of
from ranking.layout import Floats
from runtime.house import House
from storage.session_profiles import SessionProfiles
from storage.signal_packing import packed_act
from storage.signals import SignalStreams

DECISIONS, SIGNALS = "session_decisions", "session_signals"  # lake tables, by refresh
_RELOAD = timedelta(seconds=5)  # between looks for a newer refresh, and for variants that were withdrawn
_NOTHING_COMING: Future[list[VisitorIndex]] | None = None
_JUST_AFTER = timedelta(microseconds=1)


@dataclass(slots=True)
class Log:
    """What was decided and is not in the lake yet, by refresh: decisions, and the acts that each rests on."""

    decisions: dict[SendId, list[pd.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    signals: dict[SendId, list[pd.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    rounds: dict[SendId, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __len__(self) -> int:
        return sum(len(frame) for frames in self.decisions.values() for frame in frames)


@dataclass(frozen=True, slots=True)
class _Round:
    """Recipients whom one index knows, row by row: their rows in it, their acts, the instant just after the last of them was received,
    and their sessions at that instant."""

    index: VisitorIndex
    recipients: Sequence[str]
    rows: npt.NDArray[np.int64]
    acts: Sequence[Sequence[Act]]
    at: Sequence[datetime]
    sessions: Sessions

    @property
    def categories(self) -> Sequence[str]:
        """The rows of what is known by category."""
        return self.index.decider.model.parameters.layout.categories

    def take(self, places: npt.NDArray[np.int64]) -> "_Round":
        """Those at the given places, in that order."""
        names, acts, at = ([column[place] for place in places.tolist()] for column in (self.recipients, self.acts, self.at))
        return _Round(self.index, names, self.rows[places], acts, at, self.sessions.take(places))  # type: ignore[arg-type] # as they were


class Reactor:
    """Decides within sessions, for one consumer. Not safe to share between threads."""

    def __init__(self, house: House, streams: SignalStreams, profiles: SessionProfiles, clock: Callable[[], datetime]) -> None:
        self._house, self._streams, self._profiles, self._clock = house, streams, profiles, clock
        self._indexes: list[VisitorIndex] = []
        self._looked_at: datetime | None = None
        self._loader, self._coming = ThreadPoolExecutor(1), _NOTHING_COMING
        self.log = Log()

    def look_for_refresh(self) -> bool:
        """Take up refreshes that finished since, and what may be shown by now. True if anything was loaded."""
        at = self._clock()
        due = self._looked_at is None or at - self._looked_at >= _RELOAD
        if due:
            self._looked_at, self._indexes = at, still_deciding(self._house, self._indexes)
        if self._coming is not None:
            return self._coming.done() and self._take_up()
        if not due:
            return False
        sends = latest_refreshes(self._house, at)
        if {send.send_id for send in sends} != {index.basis.send.send_id for index in self._indexes}:
            self._coming = self._loader.submit(self._load, sends, at)
            return not self._indexes and self._take_up()
        for index in self._indexes:
            index.decider.live.update(live_now(index.basis, at))
        return False

    def _load(self, sends: Sequence[Send], at: datetime) -> list[VisitorIndex]:
        """Beside the reacting, which goes on with the refresh before."""
        indexes = [index for send in sends for index in indexes_of(self._house, send, at)]
        forget_others(self._house, sends)
        for index in indexes:
            self._warm_up(index, at)
        return indexes

    def _take_up(self) -> bool:
        """What was loaded, once it is; raises what went wrong with it."""
        coming, self._coming = self._coming, None
        if coming is not None:
            self._indexes = still_deciding(self._house, coming.result())
        return True

    def react(self, signals: Sequence[Signal]) -> int:
        """Remember these signals and decide again where it is called for; returns for how many recipients. Repeating changes nothing but
        that decisions are made once more."""
        acts = self._profiles.add(signals)
        loud = {signal.visitor for signal in signals if signal.act.kind in SAYS_WHAT_IS_WANTED}
        recipients = sorted({signal.visitor for signal in signals if signal.recipient})
        told, at = self._profiles.told(recipients), self._clock()
        rounds = (_round_of(index, recipients, acts) for index in self._indexes if at < index.ends_at)
        return sum(self._decide(self._worth_it(one, told, loud)) for one in rounds if one.recipients)

    def write_log(self) -> int:
        """Put what was decided into the lake; returns how many decisions. Raises UnavailableError, and keeps them."""
        count = len(self.log)
        for send_id in list(self.log.decisions):
            rounds = self.log.rounds[send_id]
            name = f"rounds-{min(rounds):010d}-{max(rounds):010d}"
            for table, frames in ((DECISIONS, self.log.decisions), (SIGNALS, self.log.signals)):
                self._house.lake.write(table, pd.concat(frames[send_id], ignore_index=True), partition={"send_id": send_id}, name=name)
            for part in (self.log.decisions, self.log.signals, self.log.rounds):
                del part[send_id]
        return count

    def _worth_it(self, one: "_Round", told: Mapping[str, Mapping[str, float]], loud: set[str]) -> "_Round":
        """The part of a round for which something has changed."""
        before = np.array([_shares(told.get(who), one.categories) for who in one.recipients], dtype=np.float32)
        shouted = np.array([who in loud for who in one.recipients])
        threshold = self._house.settings.session_threshold_percent / 100
        return one.take(np.flatnonzero(is_worth_it(one.sessions, before, shouted, threshold)).astype(np.int64))

    def _decide(self, one: "_Round") -> int:
        """Decided under one name, published, and kept for the lake; returns for how many."""
        if not one.recipients:
            return 0
        send, index = one.index.basis.send, one.index
        number = self._streams.next_round(send.send_id)
        name = session_send_id_of(send.send_id, number)
        decisions = redecide(index.decider, index.visitors(one.recipients, one.rows), one.sessions, name, one.at)
        if len(decisions):
            self._house.decisions.publish(published(decisions), ttl=index.basis.ttl, at=send.as_of)
            self.log.decisions[send.send_id].append(decisions)
            self.log.signals[send.send_id].append(_signal_rows(name, one))
            self.log.rounds[send.send_id].append(number)
        shares = one.sessions.cross("session_interest")
        self._profiles.tell({who: _told(share, one.categories) for who, share in zip(one.recipients, shares, strict=True)})
        return len(one.recipients)

    def _warm_up(self, index: VisitorIndex, at: datetime) -> None:
        """Compile what deciding needs before anybody waits for it, and go on counting rounds where the lake says."""
        self._streams.begin_rounds(index.basis.send.send_id, highest_round(self._house, index.basis.send.send_id))
        rows = np.arange(min(len(index.keys), 2), dtype=np.int64)
        visitors = index.visitors([f"warm-up-{row}" for row in rows], rows)
        sessions = _sessions(index, [()] * len(rows), [at] * len(rows))
        redecide(index.decider, visitors, sessions, SendId("warm-up"), [at] * len(rows))


def highest_round(house: House, send_id: SendId) -> int:
    """The last round of a refresh that is in the lake; 0 if none is."""
    files = house.lake.files(DECISIONS, {"send_id": send_id})
    return max((int(path.removesuffix(".parquet").rpartition("-")[2]) for path in files), default=0)


def _round_of(index: VisitorIndex, recipients: Sequence[str], acts: Mapping[str, Sequence[Act]]) -> _Round:
    """Those of the recipients whom an index knows and who have done something."""
    recipients = [who for who in recipients if acts[who]]
    rows = index.rows(recipients)
    known = [who for who, row in zip(recipients, rows.tolist(), strict=True) if row >= 0]
    theirs = [acts[who] for who in known]
    at = [max(act.received_at for act in one) + _JUST_AFTER for one in theirs]
    return _Round(index, known, rows[rows >= 0], theirs, at, _sessions(index, theirs, at))


def _sessions(index: VisitorIndex, acts: Sequence[Sequence[Act]], at: Sequence[datetime]) -> Sessions:
    parameters = index.decider.model.parameters
    categories = parameters.layout.categories
    facts: Facts = facts_of(acts, parameters.words, categories)
    return sessions_of(facts, rows_at(at), parameters.spec.session, len(categories))


def _shares(told: Mapping[str, float] | None, categories: Sequence[str]) -> list[float]:
    """What the last decision was made from; missing throughout where there was none."""
    return [float("nan")] * len(categories) if told is None else [told.get(category, 0.0) for category in categories]


def _told(shares: Floats, categories: Sequence[str]) -> dict[str, float]:
    return {category: float(share) for category, share in zip(categories, shares.tolist(), strict=True) if share}


def _signal_rows(name: SendId, one: _Round) -> pd.DataFrame:
    """What each decision rests on, so that `why` can tell and anybody can compute it again."""
    told = [orjson.dumps([[act.event_id, *packed_act(act)] for act in acts]).decode() for acts in one.acts]
    at = pd.DatetimeIndex(list(one.at)).as_unit("us")
    return pd.DataFrame({"send_id": name, "recipient_id": list(one.recipients), "at": at, "acts": told})
