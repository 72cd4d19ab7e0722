"""What machines do to letters: an Apple-like picture proxy, and three kinds of link scanner.

- A **sandbox** opens every link in a browser, usually within a minute of delivery and within ten seconds of each other, from its vendor's
  networks; it may come back hours later, and it checks a link again at the moment of a click, as an office program or as another browser.
- A **gateway** checks links as the letter comes in: by name, without one, as a programming library or as a browser; from its vendor's
  networks or from the company's own; some from another network for each link.
- A **sampler** looks at one to three links minutes later, up to half an hour and more, as ordinary browsers, from a cloud's networks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from domain.event import EventKind
from domain.ids import RecipientId
from simulator.mailboxes import COMPUTERS, PHONES, By, Mailbox, Town

UNSUBSCRIBE = "unsubscribe"

_OFFICE_PROGRAM = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"
_NAMED = ("Barracuda Sentinel (EE)", "Mozilla/5.0 (compatible; proofpoint-urldefense)", "CiscoSecureEmail/1.0", "Mimecast-Url-Protect")
_LIBRARIES = ("python-requests/2.32.3", "Go-http-client/1.1", "Java/17.0.12", "Apache-HttpClient/4.5.14 (Java/17)")
_PICTURE_PROXY = "Mozilla/5.0"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request about one letter, `after` seconds after its hand-off. `link` None: its pictures."""

    recipient_id: RecipientId
    kind: EventKind
    link: str | None
    after: float
    network: str
    agent: str
    by: By
    posted: bool = False


@dataclass(frozen=True, slots=True)
class Habits:
    """How scanners go about it. Times in seconds; pairs are from … to."""

    sandbox_starts: tuple[float, float] = (3.0, 60.0)
    sandbox_takes: float = 10.0
    follows_unsubscribe: float = 0.5  # share of companies whose scanner does
    comes_back: float = 0.05  # share of sandboxed letters that are opened again, hours later
    rechecks: float = 0.5  # share of clicks by people behind a sandbox that are checked as they happen
    gateway_starts: tuple[float, float] = (0.5, 15.0)
    gateway_named: float = 0.45  # shares of gateways, by how they call themselves
    gateway_nameless: float = 0.25
    gateway_library: float = 0.1  # the rest are browsers
    gateway_all_links: float = 0.6  # the rest: the first few
    gateway_own_network: float = 0.3
    gateway_hops: float = 0.2
    sampler_median: float = 240.0
    sampler_most: float = 2_400.0
    sampler_looks: float = 0.7  # share of letters it looks at
    scattered: bool = False  # every request from a network of its own, as through residential proxies


def scan(boxes: Sequence[Mailbox], links: Sequence[str], town: Town, habits: Habits, *, seed: int) -> list[Visit]:
    """What guards and picture proxies do to one letter with these links, in the order of the letter, to each mailbox."""
    rng = np.random.default_rng([seed, 12])
    scanners = {By.SANDBOX: _sandbox, By.GATEWAY: _gateway, By.SAMPLER: _sampler}
    found: list[Visit] = []
    for box in boxes:
        if box.guard:
            found.extend(scanners[box.guard](rng, box, links, town, habits))
        if box.pictures:
            found.append(_pictures(rng, box))
    return found


def recheck(boxes: Sequence[Mailbox], clicks: Sequence[Visit], town: Town, habits: Habits, *, seed: int) -> list[Visit]:
    """What sandboxes do when the people behind them click: half of them before, as an office program, half of them seconds after."""
    rng = np.random.default_rng([seed, 13])
    guarded = {box.recipient_id for box in boxes if box.guard is By.SANDBOX}
    found = []
    for click in clicks:
        if click.recipient_id in guarded and rng.random() < habits.rechecks:
            before = rng.random() < 0.5  # noqa: PLR2004 - half
            after = click.after - rng.uniform(0.05, 0.4) if before else click.after + rng.uniform(5, 20)
            agent = _OFFICE_PROGRAM if before else _one_of(rng, COMPUTERS)
            network = _vendor(rng, By.SANDBOX, town, habits)
            found.append(Visit(click.recipient_id, EventKind.CLICKED, click.link, after, network, agent, By.RECHECK))
    return found


def _sandbox(rng: np.random.Generator, box: Mailbox, links: Sequence[str], town: Town, habits: Habits) -> Iterator[Visit]:
    wanted = [*links, *([UNSUBSCRIBE] if box.style < habits.follows_unsubscribe else [])]
    starts = [rng.uniform(*habits.sandbox_starts)]
    if rng.random() < habits.comes_back:
        starts.append(rng.uniform(3_600, 36_000))
    for start in starts:
        network, agent = _vendor(rng, By.SANDBOX, town, habits), COMPUTERS[0]
        for link in wanted:
            yield Visit(box.recipient_id, EventKind.CLICKED, link, start + rng.uniform(0, habits.sandbox_takes), network, agent, By.SANDBOX)


def _gateway(rng: np.random.Generator, box: Mailbox, links: Sequence[str], town: Town, habits: Habits) -> Iterator[Visit]:
    traits = np.random.default_rng([round(box.style * 1e9), 14]).random(4)  # the company's, whoever is written to
    wanted = list(links) if traits[0] < habits.gateway_all_links else list(links[: int(rng.integers(1, 5))])
    if box.style < habits.follows_unsubscribe:
        wanted.append(UNSUBSCRIBE)
    own = traits[1] < habits.gateway_own_network
    hops = traits[2] < habits.gateway_hops
    at, network = rng.uniform(*habits.gateway_starts), _vendor(rng, By.GATEWAY, town, habits)
    for link in wanted:
        at += rng.exponential(0.4)
        network = f"office-of-{box.domain}" if own else _vendor(rng, By.GATEWAY, town, habits) if hops else network
        agent = _called(rng, float(traits[3]), habits)
        yield Visit(box.recipient_id, EventKind.CLICKED, link, at, network, agent, By.GATEWAY)


def _sampler(rng: np.random.Generator, box: Mailbox, links: Sequence[str], town: Town, habits: Habits) -> Iterator[Visit]:
    if rng.random() >= habits.sampler_looks:
        return
    at = min(habits.sampler_median * np.exp(rng.normal(0, 1.0)), habits.sampler_most)
    for link in rng.choice(np.array(links), size=min(int(rng.integers(1, 4)), len(links)), replace=False):
        agent = _one_of(rng, COMPUTERS)
        yield Visit(box.recipient_id, EventKind.CLICKED, str(link), at, _vendor(rng, By.SAMPLER, town, habits), agent, By.SAMPLER)
        at += rng.exponential(20.0)


def _pictures(rng: np.random.Generator, box: Mailbox) -> Visit:
    """Some time after arrival, when the device is idle, whether or not anybody will ever read the letter."""
    after = 1_200 * np.exp(rng.normal(0, 1.5))
    return Visit(box.recipient_id, EventKind.OPENED, None, after, f"relay-{int(rng.integers(60))}", _PICTURE_PROXY, By.PICTURES)


def _vendor(rng: np.random.Generator, kind: By, town: Town, habits: Habits) -> str:
    if habits.scattered:
        return f"proxy-{int(rng.integers(1 << 40))}"
    count = town.vendor_networks[(By.SANDBOX, By.GATEWAY, By.SAMPLER).index(kind)]
    return f"{kind.value}-{int(rng.integers(count))}"


def _called(rng: np.random.Generator, trait: float, habits: Habits) -> str:
    """What a gateway calls itself: by its company's trait in [0, 1)."""
    if trait < habits.gateway_named:
        return _NAMED[int(trait * 1e6) % len(_NAMED)]
    if trait < habits.gateway_named + habits.gateway_nameless:
        return ""
    if trait < habits.gateway_named + habits.gateway_nameless + habits.gateway_library:
        return _LIBRARIES[int(trait * 1e6) % len(_LIBRARIES)]
    return _one_of(rng, (*COMPUTERS, *PHONES))


def _one_of(rng: np.random.Generator, agents: Sequence[str]) -> str:
    return agents[int(rng.integers(len(agents)))]
