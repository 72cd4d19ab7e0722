"""Tells a receiver what happened: late, twice, out of order, with forgeries between, and again until it answers 2xx."""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from domain.errors import InputError
from simulator.esp.calls import Call, Held, Reply, json_reply
from simulator.esp.webhooks import plain, signed, sns
from simulator.esp.webhooks.happenings import Habits, Happening, Kind, drawn, fate, parse_habits
from simulator.esp.webhooks.keys import Keys
from simulator.esp.webhooks.posting import Posting

_AT_ONCE = 8
_PATIENCE = 10.0  # seconds a receiver has to answer
_ONE_BY_ONE = 200  # happenings told by one task, where every one is a post of its own
_WRONG_KEY = 0x5EED
_FORGED = 1_000_000  # added to the number of a happening that never was


@dataclass(slots=True)
class Counts:
    """What was told. `emitted`: happenings; `posted`: posts, of which `taken` were answered 2xx. `waiting`: happenings not yet told."""

    emitted: int = 0
    posted: int = 0
    taken: int = 0
    repeated: int = 0  # posts made again after an answer that was no 2xx
    given_up: int = 0  # happenings that were told as often as their provider would, and never taken
    forged: int = 0
    forged_taken: int = 0
    malformed: int = 0
    malformed_taken: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Telling:
    provider: str
    happenings: tuple[Happening, ...]
    attempt: int = 0
    round: int = 0  # how often everything had been forgotten when this was to be told


class Poster:
    """The posts of all providers to one receiver. `clock`: seconds since 1970."""

    def __init__(self, keys: Keys, *, seed: int, clock: Callable[[], float]) -> None:
        self.keys, self.base, self.counts = keys, "", Counts()
        self.emitted: list[Happening] = []
        self._seed, self._clock = seed, clock
        self._forger = Keys(seed ^ _WRONG_KEY)
        self._random = random.Random(seed)
        self._habits, self._url = Habits(), ""
        self._queue: list[tuple[float, int, _Telling]] = []
        self._turn, self._round = itertools.count(), 0
        self._wake = asyncio.Event()
        self._unconfirmed: list[_Telling] = []
        self._confirmed: bool | None = None  # None: SNS has not asked yet
        self._token = keys.secret("sns token", 32).hex()

    def configure(self, url: str | None, spec: str) -> None:
        """Where to post and what happens from now on; no URL: nothing is told. Raises InputError."""
        self._habits = parse_habits(spec)
        self._url = _checked(url) if url else ""
        self._confirmed = None

    def reset(self) -> None:
        """Forget what happened and what was still to be told."""
        self.emitted.clear()
        self._queue.clear()
        self._unconfirmed.clear()
        self.counts = Counts()
        self._round += 1

    @property
    def awake(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._url)

    def watch(self, held: Held) -> None:
        """Decide what happens to a message that was just accepted."""
        if self._url and held.provider in _TELLERS:
            for happening in fate(held, self._habits, seed=self._seed):
                self._schedule(happening)

    def happen(self, held: Held, kind: str, *, url: str | None = None) -> Happening:
        """Let something happen to a message now, and tell it at once."""
        try:
            made = Happening(Kind(kind), held, self._clock(), len(self.emitted), url)
        except ValueError:
            raise InputError(f"there is no {kind!r}", hint="known: " + ", ".join(Kind)) from None
        self._emit(made)
        self._push(made.at, _Telling(held.provider, (made,)))
        return made

    def sns(self, call: Call) -> Reply:
        """Amazon SNS's own addresses: the certificate, and the confirmation of the subscription."""
        if call.path == sns.CERTIFICATE:
            return Reply(200, self.keys.sns_certificate, {"content-type": "application/x-pem-file"})
        if call.path == sns.CONFIRM and call.query.get("Token") == self._token:
            self._confirmed = True
            for telling in self._unconfirmed:
                self._push(self._clock(), telling)
                self.counts.waiting -= len(telling.happenings)
            self._unconfirmed.clear()
            return Reply(200, b"<ConfirmSubscriptionResponse/>", {"content-type": "text/xml"})
        return json_reply(404, {"message": "SNS knows no such address"})

    async def run(self) -> None:
        """Tell what is due, as long as the server lives."""
        turns = asyncio.Semaphore(_AT_ONCE)
        async with httpx.AsyncClient(timeout=_PATIENCE) as client, asyncio.TaskGroup() as tasks:
            while True:
                await self._until_due()
                for telling in self._due():
                    await turns.acquire()
                    task = tasks.create_task(self._tell(client, telling))
                    task.add_done_callback(lambda _: turns.release())

    def _schedule(self, happening: Happening) -> None:
        self._emit(happening)
        habits, held = self._habits, happening.held
        late = habits.late_seconds if self._falls("late", happening, habits.late) else 0.0
        shuffled = self._falls("shuffled", happening, habits.shuffled)
        due = held.at + habits.span * drawn(self._seed, held, f"place {happening.number}") if shuffled else happening.at
        self._push(due + late, _Telling(held.provider, (happening,)))
        if self._falls("twice", happening, habits.twice):
            again = habits.span * drawn(self._seed, held, f"again {happening.number}")
            self._push(due + late + again, _Telling(held.provider, (happening,)))

    def _falls(self, what: str, happening: Happening, share: float) -> bool:
        return share > 0 and drawn(self._seed, happening.held, f"{what} {happening.number}") < share

    def _emit(self, happening: Happening) -> None:
        self.emitted.append(happening)
        self.counts.emitted += 1

    def _push(self, due: float, telling: _Telling) -> None:
        self.counts.waiting += len(telling.happenings)
        heapq.heappush(self._queue, (due, next(self._turn), replace(telling, round=self._round)))
        self._wake.set()

    async def _until_due(self) -> None:
        while not self._queue or self._queue[0][0] > self._clock():
            self._wake.clear()
            wait = self._queue[0][0] - self._clock() if self._queue else None
            try:
                await asyncio.wait_for(self._wake.wait(), wait)
            except TimeoutError:
                continue

    def _due(self) -> list[_Telling]:
        """What is to be told now: fresh happenings of a provider together, repetitions as they were."""
        now, fresh, tellings = self._clock(), dict[str, list[Happening]](), list[_Telling]()
        while self._queue and self._queue[0][0] <= now:
            telling = heapq.heappop(self._queue)[2]
            if telling.attempt:
                tellings.append(telling)
            else:
                fresh.setdefault(telling.provider, []).extend(telling.happenings)
        for provider, happenings in fresh.items():
            size = max(1, int(self._habits.batch)) if provider in _IN_BATCHES else _ONE_BY_ONE
            tellings += [_Telling(provider, tuple(happenings[at : at + size]), round=self._round) for at in range(0, len(happenings), size)]
        return tellings

    async def _tell(self, client: httpx.AsyncClient, telling: _Telling) -> None:
        if telling.provider == "ses" and self._url and not self._confirmed:
            await self._ask_to_confirm(client, telling)
        elif self._url:
            await self._tell_now(client, telling)
        if telling.round == self._round:
            self.counts.waiting -= len(telling.happenings)

    async def _tell_now(self, client: httpx.AsyncClient, telling: _Telling) -> None:
        groups = [telling.happenings] if telling.provider in _IN_BATCHES else [(one,) for one in telling.happenings]
        for group in groups:
            for posting in self._postings(telling.provider, group, self.keys):
                await self._disturb(client, telling.provider, group, posting)
                if not await self._post(client, telling.provider, posting):
                    self._again(replace(telling, happenings=group))

    async def _ask_to_confirm(self, client: httpx.AsyncClient, telling: _Telling) -> None:
        """SNS tells nothing before its subscription is confirmed; it asks once, and again with every try."""
        if self._confirmed is None or telling.attempt:
            self._confirmed = False
            version = int(self._habits.sns_version)
            await self._post(client, "ses", sns.confirmation(self.keys, self._token, at=self._clock(), base=self.base, version=version))
        if self._confirmed:
            self._push(self._clock(), telling)
        else:
            self.counts.waiting += len(telling.happenings)
            self._unconfirmed.append(telling)

    async def _disturb(self, client: httpx.AsyncClient, provider: str, group: Sequence[Happening], posting: Posting) -> None:
        """Posts that a receiver must not believe, or cannot read."""
        if self._random.random() < self._habits.forged:
            never = tuple(replace(happening, number=happening.number + _FORGED) for happening in group)
            for forged in self._postings(provider, never, self._forger):
                self.counts.forged += 1
                self.counts.forged_taken += await self._taken(client, provider, forged)
        if self._random.random() < self._habits.malformed:
            self.counts.malformed += 1
            half = replace(posting, body=posting.body[: len(posting.body) // 2])
            self.counts.malformed_taken += await self._taken(client, provider, half)

    async def _post(self, client: httpx.AsyncClient, provider: str, posting: Posting) -> bool:
        self.counts.posted += 1
        taken = await self._taken(client, provider, posting)
        self.counts.taken += taken
        return taken

    async def _taken(self, client: httpx.AsyncClient, provider: str, posting: Posting) -> bool:
        try:
            answer = await client.post(self._url.replace("{provider}", provider), content=posting.body, headers=dict(posting.headers))
        except httpx.TransportError:
            return False
        return answer.is_success

    def _again(self, telling: _Telling) -> None:
        if telling.attempt >= self._habits.retries:
            self.counts.given_up += len(telling.happenings)
            return
        self.counts.repeated += 1
        wait = self._habits.retry_seconds * 2**telling.attempt
        self._push(self._clock() + wait, replace(telling, attempt=telling.attempt + 1))

    def _postings(self, provider: str, happenings: Sequence[Happening], keys: Keys) -> list[Posting]:
        if provider == "ses":
            return sns.ses(happenings, keys, at=self._clock(), base=self.base, version=int(self._habits.sns_version))
        return _TELLERS[provider](happenings, keys, self._clock())


_Teller = Callable[[Sequence[Happening], Keys, float], list[Posting]]
_TELLERS: Mapping[str, _Teller] = {
    "ses": lambda happenings, keys, at: sns.ses(happenings, keys, at=at, base="", version=2),
    "sendgrid": lambda happenings, keys, at: signed.sendgrid(happenings, keys, at=at),
    "mailgun": lambda happenings, keys, at: signed.mailgun(happenings, keys, at=at),
    "resend": lambda happenings, keys, at: signed.resend(happenings, keys, at=at),
    "postmark": lambda happenings, keys, _at: plain.postmark(happenings, keys),
    "sparkpost": lambda happenings, keys, _at: plain.sparkpost(happenings, keys),
    "mailjet": lambda happenings, keys, _at: plain.mailjet(happenings, keys),
    "brevo": lambda happenings, keys, _at: plain.brevo(happenings, keys),
}
_IN_BATCHES = frozenset({"sendgrid", "sparkpost", "mailjet"})


def _checked(url: str) -> str:
    """The address with a place for the provider's name. Only this machine is told anything: nobody else asked."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    if parts.scheme not in ("http", "https") or not here:
        raise InputError("the simulator posts to this machine only", where="--webhooks", hint="such as http://127.0.0.1:8085/webhooks")
    return url if "{provider}" in url else url.rstrip("/") + "/{provider}"
