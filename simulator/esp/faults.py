"""What goes wrong, when: shares that are drawn by a seed, and scripts that name the call.

The n-th call of a scope draws from (seed, scope, n, kind) and nothing else, so the same calls in the same order meet the same
faults. A scope is a provider's name (`sendgrid`, `smtp`) or, for its look-ups, that name with `-lookup`.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

import xxhash

from domain.errors import InputError
from simulator.esp.settings_text import number, pairs

SETTING = "--faults"
_SCRIPT = re.compile(r"(?:(?P<scope>[a-z-]+))?#(?P<number>[1-9][0-9]*)$")
_RESOLUTION = float(2**64)


class Fault(StrEnum):
    """What goes wrong with one call. In the order in which they are drawn: the first that comes up happens."""

    DENIED = "denied"  # the credentials are refused
    THROTTLE = "throttle"  # too many requests; nothing taken
    CUT_READING = "cut_reading"  # the connection breaks while the request is still coming in
    BEFORE = "before"  # a server error; nothing taken
    CUT_BEFORE = "cut_before"  # the whole request was read, nothing taken, and the connection breaks
    AFTER = "after"  # everything taken, and then a server error
    CUT_AFTER = "cut_after"  # everything taken, and the connection breaks before the answer
    LATE = "late"  # everything taken, the answer comes late
    PARTIAL = "partial"  # some entries are rejected for good, where the provider can say so
    PARTIAL_THROTTLE = "partial_throttle"  # some entries are throttled, where the provider can say so


@dataclass(slots=True)
class Settings:
    """Numbers that faults come with. `retry_after`: seconds to tell a throttled sender to wait; 0 tells nothing.

    `limit`: messages per second that a scope takes; 0 is no limit. `lookup_lag`: seconds until a message can be looked up.
    """

    late_seconds: float = 2.0
    retry_after: float = 1.0
    partial_share: float = 0.1
    limit: float = 0.0
    lookup_lag: float = 0.0


@dataclass(slots=True)
class FaultPlan:
    """Shares by (scope, kind), where the scope "" is all of them; scripts by (scope, number of the call)."""

    seed: int = 1
    shares: dict[tuple[str, Fault], float] = field(default_factory=dict)
    scripts: dict[tuple[str, int], Fault] = field(default_factory=dict)
    settings: dict[tuple[str, str], float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    happened: Counter[tuple[str, str]] = field(default_factory=Counter)

    def draw(self, scope: str) -> Fault | None:
        """What goes wrong with the next call of a scope."""
        self.calls[scope] += 1
        turn = self.calls[scope]
        scripted = self.scripts.get((scope, turn)) or self.scripts.get(("", turn))
        return scripted or next((fault for fault in Fault if self._comes_up(scope, turn, fault)), None)

    def note(self, scope: str, fault: Fault | str) -> None:
        """Count a fault that really happened."""
        self.happened[scope, str(fault)] += 1

    def setting(self, scope: str, name: str) -> float:
        """A number for a scope: its own, or that of all."""
        everywhere = self.settings.get(("", name), float(getattr(Settings(), name)))
        return self.settings.get((scope, name), everywhere)

    def picks(self, scope: str, turn: int, entry: int) -> bool:
        """Whether a partial fault of this call hits its entry with this index."""
        return _unit(f"{self.seed}|{scope}|{turn}|entry|{entry}") < self.setting(scope, "partial_share")

    def _comes_up(self, scope: str, turn: int, fault: Fault) -> bool:
        share = self.shares.get((scope, fault), self.shares.get(("", fault), 0.0))
        return share > 0 and _unit(f"{self.seed}|{scope}|{turn}|{fault}") < share


def parse_faults(text: str, *, scopes: Collection[str], seed: int = 1) -> FaultPlan:
    """Read `cut_after=.02,sendgrid.throttle=.1,postmark#3=after,retry_after=2,mailjet.limit=200`; `seed` wins over that given.

    Raises InputError.
    """
    plan = FaultPlan(seed)
    for name, value in pairs(text, setting=SETTING):
        _enter(plan, _scope(name, scopes), name, value)
    return plan


def _scope(name: str, known: Collection[str]) -> str:
    scope = name.partition("#")[0] if "#" in name else name.partition(".")[0] if "." in name else ""
    if scope and scope.removesuffix("-lookup") not in known:
        raise InputError(f"there is no provider {scope!r}", where=SETTING, hint="known: " + ", ".join(known))
    return scope


def _enter(plan: FaultPlan, scope: str, name: str, value: str) -> None:
    script = _SCRIPT.match(name)
    if script:
        plan.scripts[scope, int(script["number"])] = _fault(value)
        return
    if "#" in name:
        raise InputError(f"{name} names no call", where=SETTING, hint="the first is #1")
    if name == "seed":
        plan.seed = int(number(name, value, setting=SETTING))
        return
    kind = name.removeprefix(f"{scope}.")
    if kind in Settings.__dataclass_fields__:
        plan.settings[scope, kind] = number(name, value, setting=SETTING)
    else:
        plan.shares[scope, _fault(kind)] = number(name, value, setting=SETTING, highest=1)


def _fault(text: str) -> Fault:
    try:
        return Fault(text)
    except ValueError:
        known = ", ".join((*Fault, *Settings.__dataclass_fields__))
        raise InputError(f"there is no fault {text!r}", where=SETTING, hint=f"known: {known}") from None


def _unit(text: str) -> float:
    return xxhash.xxh3_64_intdigest(text.encode()) / _RESOLUTION


@dataclass(slots=True)
class Bucket:
    """A provider's own rate limit: `rate` messages per second, a second's worth at once."""

    level: float = 0.0
    at: float = 0.0

    def takes(self, messages: int, rate: float, now: float) -> bool:
        """Whether that many fit now. A call larger than the bucket is let through when it is full, and overdraws it."""
        self.level = min(rate, self.level + (now - self.at) * rate) if self.at else rate
        self.at = now
        if self.level < min(messages, rate):
            return False
        self.level -= messages
        return True
