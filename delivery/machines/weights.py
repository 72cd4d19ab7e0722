"""The one table of what speaks for a machine and what for a person.

The first block and the bounds are the starting weights of a public study (FACTS §9). The second block is ours, each line with what was
published about it. Scores add up; no line but an agent that says it is a machine, or a burst over links, is enough on its own for MACHINE.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from domain.ids import digest
from domain.machine import Verdict


class Signal(StrEnum):
    """One thing that was noticed about an event; its value is the reason that people read."""

    BOT_AGENT = "the agent says it is a machine"
    NO_AGENT = "no agent"
    FIVE_LINKS = "5 or more links within 10 s"
    THREE_LINKS = "3 or more links within 10 s"
    THREE_NETWORKS = "3 or more networks within 120 s"
    UNSUBSCRIBE_LINK_TOO = "the unsubscribe link and another within 60 s, and nobody unsubscribed"
    ESP_SAYS = "the ESP says so"
    CROWD = "the same network for 10 or more recipients within 10 min"
    AT_ONCE = "less than 20 s after the hand-off"
    ALONE = "on its own"
    POSTED = "posted from the page"

    PREFETCHED = "fetched ahead of time"
    BARE_AGENT = "the bare agent of a picture proxy"
    KNOWN_VISITOR = "network and agent are a machine's elsewhere"
    TWO_VISITORS = "two links within 120 s, each from another network and as another program"


WEIGHTS: Mapping[Signal, int] = {
    Signal.BOT_AGENT: -80,
    Signal.NO_AGENT: -60,
    Signal.FIVE_LINKS: -80,
    Signal.THREE_LINKS: -60,
    Signal.THREE_NETWORKS: -60,
    Signal.UNSUBSCRIBE_LINK_TOO: -50,
    Signal.ESP_SAYS: -40,
    Signal.CROWD: -30,
    Signal.AT_ONCE: -20,
    Signal.ALONE: +15,
    Signal.POSTED: +60,
    # Browsers and proxies mark what they load ahead of a click (header Sec-Purpose: prefetch).
    Signal.PREFETCHED: -60,
    # Apple's proxy has loaded pictures as plain "Mozilla/5.0" since 2021; no browser calls itself that. Pictures only.
    Signal.BARE_AGENT: -60,
    # Scanners check again, hours later or at the moment of a click, from where they scanned before.
    Signal.KNOWN_VISITOR: -50,
    # Scanners behind residential proxies change both for every request. A person who changes the network keeps the program (FACTS §9
    # wants three networks of whoever does); one who changes to another device seldom does so within two minutes, for another link.
    Signal.TWO_VISITORS: -45,
}

BOUNDS: tuple[tuple[int, Verdict], ...] = (
    (-60, Verdict.MACHINE),  # up to this score
    (-25, Verdict.SUSPECTED),
    (14, Verdict.UNCLEAR),
    (39, Verdict.LIKELY_HUMAN),
)

BURST_S, THREE, FIVE = 10.0, 3, 5
NETWORKS_S, NETWORKS = 120.0, 3
UNSUBSCRIBE_S = 60.0
TWO_VISITORS_S = 120.0
POST_S = 600.0  # how long a reader may look at the page before they post
CROWD_S, CROWD = 600.0, 10
CROWD_DOMAINS = 2  # an office shares a network and a mail domain; what comes to several domains from one network is no office
AT_ONCE_S = 20.0
ALONE_S = 60.0
VISITOR_RECIPIENTS, VISITOR_SHARE = 10, 0.8  # a visitor is a machine if it was one for so many recipients and for this share of its own

_RULES = 1  # of the code around the table: raise it when the code judges otherwise


def _version() -> str:
    table = [f"{signal.name}={weight}" for signal, weight in WEIGHTS.items()] + [f"{bound}={verdict}" for bound, verdict in BOUNDS]
    spans = (BURST_S, THREE, FIVE, NETWORKS_S, NETWORKS, UNSUBSCRIBE_S, POST_S, CROWD_S, CROWD, CROWD_DOMAINS, AT_ONCE_S, ALONE_S)
    return f"{_RULES}-{digest(*table, *map(str, (*spans, VISITOR_RECIPIENTS, VISITOR_SHARE, TWO_VISITORS_S)))[:8]}"


RULE_VERSION = _version()
"""Changes with any weight, bound or span, so that what was judged by other rules is judged again."""


def score_of(signals: Iterable[Signal]) -> int:
    """The sum of the weights."""
    return sum(WEIGHTS[signal] for signal in signals)


def verdict_of(score: int) -> Verdict:
    """What a score means."""
    return next((verdict for bound, verdict in BOUNDS if score <= bound), Verdict.HUMAN)
