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


class HoldoutMail(StrEnum):
    """What the holdout gets."""

    DEFAULT = "default"  # the letter with its default content
    NONE = "none"  # no letter at all


@dataclass(frozen=True, slots=True)
class Holdout:
    """The persistent group that gets default content, or no letters. Sticky per recipient as long as the salt stays."""

    share: Annotated[Share, Doc("Share of recipients kept in the holdout")] = 0.1
    salt: Annotated[str, Doc("Change it only to draw a new holdout; shares that grow are nested")] = "holdout-1"
    mail: Annotated[
        HoldoutMail, Doc("`default`: it gets default content; `none`: no letters, so that the report shows what all of them bring")
    ] = HoldoutMail.DEFAULT

    @property
    def gets_letters(self) -> bool:
        """Whether those in it are written to at all."""
        return self.mail is HoldoutMail.DEFAULT


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


@dataclass(frozen=True, slots=True)
class Ramp:
    """How a newly trained model takes over from the one that decides now: in the shadow first, then stage by stage."""

    shadow_share: Annotated[
        float, Gt(0), Le(1), Doc("Share of a send's recipients for whom it decides in the shadow, unseen by anybody")
    ] = 0.1
    shadow_sends: Annotated[int, Ge(1), Doc("Sends it has to sit through in the shadow")] = 1
    shadow_hours: Annotated[float, Ge(0), Doc("Hours after such a send at which its clicks are looked at")] = 48.0
    stages: Annotated[
        tuple[Annotated[float, Gt(0), Le(1)], ...],
        Len(1, 20),
        Doc("Share of the recipients outside the holdout for whom it decides, stage by stage, up to 1"),
    ] = (0.01, 0.05, 0.2, 0.5, 1.0)
    stage_days: Annotated[float, Ge(0), Doc("Days that a stage lasts at least")] = 7.0
    looks: Annotated[int, Ge(1), Doc("Looks at newly matured sends that a stage takes at least")] = 2
    margin: Annotated[
        float, Gt(0), Le(1), Doc("Relative loss of the goal below which it may take over; a larger one has to be excluded")
    ] = 0.05
    planned_sends: Annotated[int, Ge(1), Doc("Sends that the whole takes, as foreseen; intervals are narrowest at half of them")] = 10
    watch_hours: Annotated[float, Ge(0), Doc("Hours for which it is watched while it decides for all but the control")] = 48.0
    control: Annotated[float, Gt(0), Le(0.5), Doc("Share of recipients the incumbent keeps during the watch, to compare with")] = 0.05
    diversity_loss: Annotated[Share, Doc("Relative fall of the mix of categories in a letter up to which nothing is made of it")] = 0.1
    slowdown: Annotated[float, Ge(1), Doc("How many times as long a decision may take as the incumbent's")] = 3.0


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How variants are watched: their clicks against what the model predicted for the very readers they were shown to."""

    days: Annotated[int, Ge(7), Le(366), Doc("Days of sends that are looked at together")] = 42
    minimum: Annotated[float, Ge(10), Doc("Clicks that a variant should have had at least before anything is said of it")] = 30.0
    false_share: Annotated[float, Gt(0), Le(0.5), Doc("Share of the flagged variants that may be flagged wrongly")] = 0.1
    retire: Annotated[
        bool, Doc("Flagged variants are chosen no more, but for default ones; `letterpress variants revive` takes it back")
    ] = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """A/B/n: each recipient outside the holdout is in one arm for as long as the salt stays, drawn by mailbox."""

    arms: Annotated[
        dict[str, dict[str, tuple[str, ...]]],
        Len(2, 12),
        Doc(
            "Per arm, and per placement, the variants that its recipients may get; a placement left out stays as it is, and {} is the "
            "letter as it is. The first arm is the control"
        ),
    ]
    share: Annotated[float, Gt(0), Le(1), Doc("Share of recipients who take part, in arms alike; the others get the letter as it is")] = 1.0
    salt: Annotated[str, Doc("Change it only to draw new arms")] = "1"

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return next(iter(self.arms))


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
    variant_health: HealthCheck = field(default_factory=HealthCheck)
    experiments: dict[str, Experiment] = field(default_factory=dict)
    rollout: Ramp | None = None  # None: a new model that nothing speaks against decides at once
    approval: Annotated[bool, Doc("A send waits until another person has approved its content and audience")] = False
    file: str | None = None  # campaign.yaml as it was read, and where the expression stands in it, for error messages
    audience_line: int | None = None
