"""Where letters arrive: mailboxes at large providers and at companies, the devices people read on, and what guards the door.

Shares and habits are those that senders and vendors have published; `docs/machines.md` names them. None of this knows how
Letterpress tells machines from people: the filter is judged by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from domain.ids import RecipientId

PROVIDERS = ("post.example", "mailbox.example", "brief.example", "inbox.example")
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS {} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1"
PHONES = (
    _IPHONE.format("18_5"),
    _IPHONE.format("26_1"),
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
)
COMPUTERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)


class By(StrEnum):
    """Who made a request: the truth that the filter should find."""

    READER = "reader"
    PICTURES = "picture proxy"  # loads pictures ahead of people, as Apple's mail does
    SANDBOX = "sandbox"  # opens every link in a browser of its own
    GATEWAY = "gateway"  # checks links as the letter comes in
    SAMPLER = "sampler"  # looks at some links, later
    RECHECK = "recheck"  # looks at a link once more when a person clicks it


@dataclass(frozen=True, slots=True)
class Town:
    """Shares of mailboxes, and how many networks there are of a kind.

    Three in ten mailboxes are at companies and every other company has a scanner: 15 % of letters are scanned, within the 10 to 30 %
    that are reported. `scanners`: shares of sandboxes, gateways and samplers. `pictures`: half of all opens are Apple's proxy.
    """

    company: float = 0.3
    staff: int = 40  # recipients per company on average
    protected: float = 0.5
    scanners: tuple[float, float, float] = (0.4, 0.35, 0.25)
    pictures: float = 0.5
    phone: float = 0.6
    abroad: float = 0.5  # share of a phone's visits that come through its carrier rather than from home
    carriers: int = 400  # networks from which carriers let phones out
    vendor_networks: tuple[int, int, int] = (24, 12, 40)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One recipient's. `guard` and `style`, in [0, 1), are their company's: all its mailboxes are guarded in the same way."""

    recipient_id: RecipientId
    domain: str
    guard: By | None
    style: float
    agent: str
    networks: tuple[str, str]  # at home or at the office, and on the road
    on_the_road: float
    pictures: bool


def draw_mailboxes(recipients: Sequence[RecipientId], town: Town, seed: int) -> list[Mailbox]:
    """A mailbox for every recipient. Same arguments, same mailboxes."""
    rng = np.random.default_rng([seed, 11])
    companies = max(1, round(len(recipients) * town.company / town.staff))
    guards = [_guard(rng, town) for _ in range(companies)]
    styles = rng.random(companies)
    found = []
    for number, recipient in enumerate(recipients):
        company = int(rng.integers(companies)) if rng.random() < town.company else None
        box = _mailbox(rng, town, recipient, number, company)
        found.append(box if company is None else replace(box, guard=guards[company], style=float(styles[company])))
    return found


def _guard(rng: np.random.Generator, town: Town) -> By | None:
    kind = (By.SANDBOX, By.GATEWAY, By.SAMPLER)[int(rng.choice(3, p=town.scanners))]
    return kind if rng.random() < town.protected else None


def _mailbox(rng: np.random.Generator, town: Town, recipient: RecipientId, number: int, company: int | None) -> Mailbox:
    """As it would be without a guard."""
    on_phone = rng.random() < town.phone
    agents = PHONES if on_phone else COMPUTERS
    return Mailbox(
        recipient_id=recipient,
        domain=PROVIDERS[int(rng.integers(len(PROVIDERS)))] if company is None else f"company-{company}.example",
        guard=None,
        style=0.0,
        agent=agents[int(rng.integers(len(agents)))],
        networks=(f"home-{number}" if company is None or on_phone else office_of(company), f"carrier-{int(rng.integers(town.carriers))}"),
        on_the_road=town.abroad if on_phone else 0.0,
        pictures=bool(rng.random() < town.pictures),
    )


def office_of(company: int) -> str:
    """The network that a company's people, and machines of its own, go out by."""
    return f"office-of-company-{company}.example"
