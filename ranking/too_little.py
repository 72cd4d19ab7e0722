"""Too little data is a result of its own, with what is missing (DESIGN §6.8)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One thing of which there is some and more is needed."""

    what: str
    have: int
    need: int

    def __str__(self) -> str:
        return f"{self.have:,} {self.what} of the {self.need:,} needed"


@dataclass(frozen=True, slots=True)
class TooLittleData:
    """The answer that there is no answer yet. `advice` says what would help, where that is known."""

    purpose: str
    missing: tuple[Shortfall, ...]
    advice: str | None = None

    def __str__(self) -> str:
        return f"too little data for {self.purpose}: " + "; ".join(map(str, self.missing))

    @classmethod
    def unless_enough(cls, purpose: str, *needs: Shortfall) -> "TooLittleData | None":
        """None if every need is met."""
        missing = tuple(need for need in needs if need.have < need.need)
        return cls(purpose, missing) if missing else None
