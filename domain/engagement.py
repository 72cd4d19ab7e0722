"""How much someone has to do with our letters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Engagement:
    """What a recipient did lately. Clicks say more than opens, half of which are machines' (FACTS §9)."""

    clicks: int = 0
    opens: int = 0
