"""The pace of an account, shared between processes through Redis. Its layout is known in this file alone.

A hash per account, `pace:<digest of the account's name>`. Each question is one script, so it is answered as a whole, and the server's
clock is the only one: hosts need not agree on the time. The arithmetic is that of `delivery/pace.py`, number by number.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from redis.exceptions import RedisError

from domain.errors import UnavailableError
from domain.ids import digest
from domain.pace import (
    DECREASE,
    FLOOR,
    FORGOTTEN,
    HOLD,
    IDLE,
    LEAST_AGE,
    LONGEST_WAIT,
    MEMORY,
    PAST,
    RAMP,
    STEEPEST,
    UNSEEN,
    Allowance,
    Leave,
)
from storage.redis_client import client_of, place_of

TIMEOUT = timedelta(seconds=2)  # a local server answers in a tenth of a millisecond

# KEYS: the account. ARGV: the question, its number, ceiling ("" for none), span, and the time ("" for the server's own).
_SCRIPT = f"""
local question, number = ARGV[1], tonumber(ARGV[2])
local ceiling, span, now = tonumber(ARGV[3]) or math.huge, tonumber(ARGV[4]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1e6
end
local kept = redis.call('HMGET', KEYS[1], 'at', 'rate', 'tokens', 'not_before', 'slowed_at', 'best', 'flow', 'since')
local at, rate, tokens = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
local not_before, slowed_at = tonumber(kept[4]) or 0, tonumber(kept[5]) or 0
local best, flow, since = tonumber(kept[6]) or 0, tonumber(kept[7]) or 0, tonumber(kept[8]) or 0
local function helping() return math.max(1, math.floor(rate * span + 1e-9)) end
local function observed()
  return flow / ({MEMORY} * (1 - math.exp(-math.max(at - since, {LEAST_AGE}) / {MEMORY})))
end
local function limited() return rate < math.huge end

if not at then
  at, rate, tokens = now, ceiling, 0
  if limited() then tokens = helping() end
end
rate = math.min(rate or math.huge, ceiling)
tokens = tokens or 0
local elapsed = math.max(0, now - at)
at = math.max(now, at)
flow, best = flow * math.exp(-elapsed / {MEMORY}), best * math.exp(-elapsed / {PAST})
if elapsed > {IDLE} then flow, since = 0, 0 end
if limited() then tokens = math.min(2 * helping(), tokens + elapsed * rate) end

local granted, wait = 0, 0
if question == 'take' then
  if since == 0 then since = at end
  if at < not_before then
    wait = not_before - at
  elseif not limited() then
    granted = number
  else
    local needed = math.min(number, helping())
    if tokens + 1e-9 < needed then
      wait = (needed - tokens) / rate
    else
      granted = math.min(number, math.floor(tokens + 1e-9))
      tokens = tokens - granted
    end
  end
elseif question == 'give_back' then
  if limited() then tokens = math.min(2 * helping(), tokens + number) end
elseif question == 'slow_down' then
  not_before = math.max(not_before, at + math.min(number, {LONGEST_WAIT}))
  if slowed_at == 0 or at - slowed_at >= {HOLD} then
    local fast = rate
    if not limited() then fast, tokens = math.max(observed(), {UNSEEN}), 0 end
    rate = math.max(math.min({FLOOR}, ceiling / 10), fast * {DECREASE})
    slowed_at = at
    tokens = math.min(tokens, 2 * helping())
  end
elseif question == 'flowed' then
  flow = flow + number
  if since == 0 then since = at end
  best = math.max(best, observed())
  if limited() then
    local gained = math.min(1, number / rate) * math.min(math.max(best, rate) / {RAMP}, rate / {STEEPEST})
    rate = math.min(ceiling, rate + gained)
  end
end

local function written(value)
  if value == math.huge then return '' end
  return string.format('%.17g', value)
end
redis.call('HSET', KEYS[1], 'at', written(at), 'rate', written(rate), 'tokens', written(tokens), 'not_before', written(not_before),
  'slowed_at', written(slowed_at), 'best', written(best), 'flow', written(flow), 'since', written(since))
redis.call('EXPIRE', KEYS[1], math.ceil({FORGOTTEN} + math.max(0, not_before - at)))
return {{granted, written(wait)}}
"""


class RedisPace:
    """The pace of one account, for all processes that use the same Redis. `clock`: seconds to go by instead of the server's, for tests."""

    def __init__(self, url: str, account: str, allowance: Allowance, *, clock: Callable[[], float] | None = None) -> None:
        self._allowance, self._clock = allowance, clock
        self._place = place_of(url)
        self._key = f"pace:{digest('pace', account)}"
        self._client = client_of(url, TIMEOUT)
        self._script = self._client.register_script(_SCRIPT)

    def take(self, messages: int, *, at: datetime) -> Leave:  # noqa: ARG002 - the server's clock counts
        """Leave for at most so many to go now."""
        granted, wait = self._ask("take", messages)
        return Leave(int(granted), float(wait))

    def give_back(self, messages: int, *, at: datetime) -> None:  # noqa: ARG002
        """So many were let go and did not leave."""
        if messages:
            self._ask("give_back", messages)

    def slow_down(self, after: float | None, *, at: datetime) -> None:  # noqa: ARG002
        """The ESP throttles; nobody should ask again before `after` seconds."""
        if self._allowance.adapts:
            self._ask("slow_down", after or 0.0)

    def flowed(self, messages: int, *, at: datetime) -> None:  # noqa: ARG002
        """The ESP took so many. A pace that does not adapt learns nothing from it."""
        if self._allowance.adapts:
            self._ask("flowed", messages)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, question: str, number: float) -> Sequence[Any]:
        now = repr(self._clock()) if self._clock else ""
        ceiling = "" if self._allowance.ceiling is None else repr(self._allowance.ceiling)
        try:
            answer: Sequence[Any] = self._script(keys=[self._key], args=[question, number, ceiling, self._allowance.span, now])
        except (RedisError, OSError) as error:
            raise UnavailableError(
                f"Redis does not answer: {type(error).__name__}", where=self._place, hint="see `letterpress up`"
            ) from None
        return answer
