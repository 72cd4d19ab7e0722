"""The campaign: the definition a marketer writes in `campaign.yaml`. One send is one scheduled run of it.

The dataclasses are validated by pydantic where the file is read (`delivery/campaign_file.py`); the same classes yield
the JSON Schema that editors complete from. Field descriptions are therefore written for the marketer.
"""

from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len
from typing_extensions import Doc

from domain.ids import CampaignId, PlacementId

Share = Annotated[float, Ge(0), Le(1)]


class PlacementKind(StrEnum):
    """What stands in a placement: a block of the letter's body, or its subject line."""

    BLOCK = "block"
    SUBJECT = "subject"


class Goal(StrEnum):
    """What the ranker is trained to bring about."""

    CLICK = "click"
    CONVERSION = "conversion"
    REVENUE = "revenue"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the letter is from."""

    name: Annotated[str, Len(1), Doc("Name shown to the reader")]
    address: Annotated[str, Len(3), Doc("Address in From:; its domain should pass SPF, DKIM and DMARC")]
    reply_to: Annotated[str | None, Doc("Where answers go; the sender's address if left out")] = None


@dataclass(frozen=True, slots=True)
class Placement:
    """A named place in the letter that shows one variant per position."""

    placement: PlacementId
    folder: str
    positions: int = 1
    kind: PlacementKind = PlacementKind.BLOCK


@dataclass(frozen=True, slots=True)
class Holdout:
    """The persistent group that gets default content. Sticky per recipient as long as the salt stays."""

    share: Annotated[Share, Doc("Share of recipients kept in the holdout")] = 0.1
    salt: Annotated[str, Doc("Change it only to draw a new holdout; shares that grow are nested")] = "holdout-1"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `messages` to one recipient within `per_days` days: letters over all campaigns, or letters with one variant."""

    messages: Annotated[int, Ge(1), Doc("How many letters a recipient gets at most")]
    per_days: Annotated[int, Ge(1), Doc("In how many days")]


@dataclass(frozen=True, slots=True)
class Diversity:
    """The floor under the entropy of the categories that a recipient's last letters show, this one included."""

    floor: Annotated[float, Ge(0), Doc("Least entropy in nats: 0.69 is two categories alike, 1.1 three, 1.39 four")]
    messages: Annotated[int, Ge(1), Le(50), Doc("Over how many letters of this campaign, this one included")] = 4


@dataclass(frozen=True, slots=True)
class Policy:
    """How scores become choices: Plackett-Luce at a temperature, mixed with a share of uniform exploration."""

    temperature: Annotated[
        Annotated[float, Gt(0)] | None,
        Doc("1 samples in proportion to the predicted rate; lower follows the model more strictly; training chooses if left out"),
    ] = None
    explore: Annotated[Share, Doc("Share of recipients who get a uniformly random ranking")] = 0.05
    effective_sample: Annotated[
        float, Gt(0), Le(1), Doc("Share of the log that must remain as effective sample for judging other policies, when training chooses")
    ] = 0.3
    variant_cap: Annotated[Cap | None, Doc("How often a recipient gets the same variant at most, unless the variant says otherwise")] = None
    diversity: Annotated[Diversity | None, Doc("Floor under the mix of categories that each recipient gets")] = None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which nobody is written to; may span midnight."""

    start: Annotated[time, Doc("Local time at which quiet hours begin, such as 21:00")]
    end: Annotated[time, Doc("Local time at which quiet hours end, such as 07:00")]

    def cover(self, clock: time) -> bool:
        """Whether a local time is in them: from `start` on, before `end`. Hours that start when they end are empty."""
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


@dataclass(frozen=True, slots=True)
class Gates:
    """Shares of the letters handed off so far above which a send pauses by itself. Machines' events do not count."""

    bounces: Annotated[Share, Doc("Share of bounced letters above which the send pauses")] = 0.05
    complaints: Annotated[Share, Doc("Share of letters reported as spam above which the send pauses")] = 0.003
    unsubscribes: Annotated[Share, Doc("Share of readers who unsubscribe above which the send pauses")] = 0.02
    render_failures: Annotated[Share, Doc("Share of letters that cannot be printed above which the send pauses")] = 0.02
    minimum: Annotated[int, Ge(1), Doc("Letters below which shares are not judged: too few say little")] = 100


@dataclass(frozen=True, slots=True)
class Waves:
    """A send that goes out in random waves, each a fair sample of the audience, with a soak and gates between them."""

    shares: Annotated[
        tuple[Annotated[float, Gt(0), Le(1)], ...],
        Len(1, 20),
        Doc("Share of the audience written to by the end of each wave, up to 1"),
    ] = (0.01, 0.05, 0.2, 1.0)
    soak_minutes: Annotated[
        float, Ge(0), Doc("Minutes between the end of a wave and the next one, for bounces and complaints to come in")
    ] = 60.0
    gates: Annotated[Gates, Doc("What must not happen")] = field(default_factory=Gates)


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Caps on what a sending domain mails per day (UTC) while it gets known; the most engaged recipients come first."""

    began_on: Annotated[date, Doc("First day of the warm-up")]
    per_day: Annotated[tuple[Annotated[int, Ge(1)], ...], Len(1, 120), Doc("Letters on the first day, the second, …; no cap afterwards")]


@dataclass(frozen=True, slots=True)
class Attribution:
    """For how long what people do afterwards is counted for what their letter showed them. The last click takes it all."""

    click_days: Annotated[
        float, Gt(0), Le(60), Doc("Days after the letter within which clicks count, and days after a click within which purchases do")
    ] = 7.0
    view_days: Annotated[
        Annotated[float, Gt(0), Le(60)] | None,
        Doc("Days after a person opened the letter within which purchases count without any click; not at all if left out"),
    ] = None


class UnknownPolicy(StrEnum):
    """What becomes of a letter of which nobody can find out whether it went out."""

    AT_MOST_ONCE = "at_most_once"  # it stays unknown, and is listed
    AT_LEAST_ONCE = "at_least_once"  # it is handed off again


@dataclass(frozen=True, slots=True)
class Departure:
    """How fast and when letters leave, and what becomes of those in doubt."""

    per_minute: Annotated[Annotated[int, Ge(1)] | None, Doc("Letters per minute at most, over all processes")] = None
    warm_up: Annotated[WarmUp | None, Doc("Daily caps of a new sending domain")] = None
    local_time: Annotated[time | None, Doc("Each recipient gets the letter when their clock first shows this, such as 09:00")] = None
    deadline_hours: Annotated[
        Annotated[float, Gt(0)] | None, Doc("Hours after the scheduled instant at which whoever is left is left out, with that reason")
    ] = None
    unknown: Annotated[UnknownPolicy, Doc("What becomes of letters of which nobody knows whether they went out")] = (
        UnknownPolicy.AT_MOST_ONCE
    )
    unknown_after_hours: Annotated[
        float, Ge(0), Doc("Hours for which evidence about such a letter is waited for before at_least_once hands it off again")
    ] = 24.0


@dataclass(frozen=True, slots=True)
class Campaign:
    """The whole definition. Immutable: its bytes are part of the content version."""

    campaign: CampaignId
    title: str
    sender: Sender
    postal_address: str
    audience: str
    placements: tuple[Placement, ...]
    list_id: str | None = None
    topic: str | None = None
    esp: str | None = None
    goal: Goal = Goal.CLICK
    holdout: Holdout = field(default_factory=Holdout)
    policy: Policy = field(default_factory=Policy)
    caps: tuple[Cap, ...] = ()
    quiet_hours: QuietHours | None = None
    once: Annotated[bool, Doc("A recipient gets this campaign at most once, over all its sends")] = False
    departure: Departure = field(default_factory=Departure)
    attribution: Attribution = field(default_factory=Attribution)
    waves: Waves | None = None  # None: everybody in one go
    approval: Annotated[bool, Doc("A send waits until another person has approved its content and audience")] = False
    file: str | None = None  # campaign.yaml as it was read, and where the expression stands in it, for error messages
    audience_line: int | None = None
