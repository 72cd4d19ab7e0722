"""Session profiles (Redis): what each visitor did lately, for as long as their session may go on.

    session:<visitor>         a hash: event id → the act. An act is added once, whoever adds it and however often
    session:told:<visitor>    the interests that the last decision within the session was made from

A profile is a set of acts and nothing else: what follows from it is computed when it is asked for (`ranking.features.sessions`), by the
very code that computes it from history. Acts may therefore come in any order, twice, and from two consumers at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from typing import Any

import orjson

from domain.signal import KINDS, Act, SessionRule, Signal
from storage.redis_client import answering, client_of, place_of
from storage.redis_log import rewrite_log
from storage.signal_packing import act_of, packed_act

_BUDGET = timedelta(seconds=10)
_SPARE = timedelta(minutes=1)  # for clocks that differ
_MOST_AT_ONCE = 2  # times the acts that count, until the oldest are forgotten

Acts = tuple[Act, ...]


class SessionProfiles:
    """The profiles of one Redis server. They end by themselves with their session."""

    def __init__(self, url: str, rule: SessionRule) -> None:
        self._place, self._rule = place_of(url), rule
        self._client = client_of(url, _BUDGET)
        self._ttl = int((rule.idle + _SPARE).total_seconds())

    def add(self, signals: Sequence[Signal]) -> dict[str, Acts]:
        """Remember what is not remembered yet. Returns the acts of each of these visitors as they are then, in the order of time; none of
        somebody who has only said who they are."""
        pipeline = self._client.pipeline(transaction=False)
        for signal in signals:
            self._remember(pipeline, signal.visitor, [signal.act] if signal.act.kind in KINDS else [])  # others tell only who it is
        with self._answering():
            for visitor, before in self._before(signals).items():
                self._remember(pipeline, visitor, before)
            pipeline.execute()
            self._leave_behind(signals)
            return self._read({signal.visitor for signal in signals})

    def get(self, visitor: str) -> Acts:
        """A visitor's acts, in the order of time."""
        with self._answering():
            return self._read([visitor])[visitor]

    def told(self, visitors: Sequence[str]) -> dict[str, Mapping[str, float]]:
        """The interests by category that each visitor's last decision was made from; nothing for who had none in this session."""
        if not visitors:
            return {}
        with self._answering():
            values: Any = self._client.mget([_told(visitor) for visitor in visitors])
        return {visitor: orjson.loads(value) for visitor, value in zip(visitors, values, strict=True) if value}

    def tell(self, interests: Mapping[str, Mapping[str, float]]) -> None:
        """Keep what decisions were made from, by visitor."""
        pipeline = self._client.pipeline(transaction=False)
        for visitor, shares in interests.items():
            pipeline.set(_told(visitor), orjson.dumps(dict(shares)), ex=self._ttl)
        with self._answering():
            pipeline.execute()

    def forget(self, visitor: str) -> int:
        """Remove what is kept of a visitor, from the server's append-only file too; returns how many acts that were."""
        with self._answering():
            count = int(self._client.hlen(_profile(visitor)))
            if self._client.delete(_profile(visitor), _told(visitor)):
                rewrite_log(self._client, self._place)
        return count

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _remember(self, pipeline: Any, visitor: str, acts: Iterable[Act]) -> None:
        for act in acts:
            pipeline.hsetnx(_profile(visitor), act.event_id, orjson.dumps(packed_act(act)))
        pipeline.expire(_profile(visitor), self._ttl)

    def _before(self, signals: Sequence[Signal]) -> dict[str, Acts]:
        """What visitors did while they were anonymous; it is theirs from here on."""
        names = {signal.was: signal.visitor for signal in signals if signal.was}
        found = {was: acts for was, acts in self._read(names).items() if acts}
        whose: dict[str, Acts] = {}
        for was, acts in found.items():
            whose[names[was]] = whose.get(names[was], ()) + acts
        return whose

    def _leave_behind(self, signals: Sequence[Signal]) -> None:
        """An anonymous profile whose acts have found their owner is nobody else's."""
        if names := {_profile(signal.was) for signal in signals if signal.was}:
            self._client.delete(*names)

    def _read(self, visitors: Collection[str]) -> dict[str, Acts]:
        pipeline, named = self._client.pipeline(transaction=False), list(visitors)
        for visitor in named:
            pipeline.hgetall(_profile(visitor))
        found = {visitor: _acts(values) for visitor, values in zip(named, pipeline.execute(), strict=True)}
        if long := {visitor: acts for visitor, acts in found.items() if len(acts) > _MOST_AT_ONCE * self._rule.most}:
            self._shorten(long)
        return {visitor: acts[-self._rule.most :] for visitor, acts in found.items()}

    def _shorten(self, long: Mapping[str, Acts]) -> None:
        """Forget what no longer counts, so that a visitor who never rests takes no more room than others."""
        pipeline = self._client.pipeline(transaction=False)
        for visitor, acts in long.items():
            pipeline.hdel(_profile(visitor), *(act.event_id for act in acts[: -self._rule.most]))
        pipeline.execute()

    def _answering(self) -> AbstractContextManager[None]:
        return answering("the session profiles do not answer", self._place)


def _acts(values: Mapping[bytes, bytes]) -> Acts:
    """What can be read of a profile, in the order of time, then of ids."""
    acts = list[Act]()
    for event_id, told in values.items():
        with suppress(ValueError, TypeError, OverflowError):
            acts.append(act_of(event_id.decode(), orjson.loads(told)))
    return tuple(sorted(acts, key=lambda act: (act.occurred_at, act.event_id)))


def _profile(visitor: str) -> str:
    return f"session:{visitor}"


def _told(visitor: str) -> str:
    return f"session:told:{visitor}"
