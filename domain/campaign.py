"""The campaign: the definition a marketer writes in `campaign.yaml`. One send is one scheduled run of it; on the web, one refresh.

The dataclasses are validated by pydantic where the file is read (`delivery/campaign_file.py`); the same classes yield
the JSON Schema that editors complete from. Field descriptions are therefore written for the marketer.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len
from typing_extensions import Doc

from domain.departure import Departure, QuietHours, Share, Waves
from domain.errors import FinalError
from domain.ids import CampaignId, PlacementId


class PlacementKind(StrEnum):
    """What stands in a placement: a block of the letter's body, its subject line, or a fragment of a web page."""

    BLOCK = "block"
    SUBJECT = "subject"
    WEB = "web"


class Surface(StrEnum):
    """Where people see a campaign."""

    MAIL = "mail"
    WEB = "web"


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
    """A named place in the letter or on a page that shows one variant per position. `web`: a block that pages show too."""

    placement: PlacementId
    folder: str
    positions: int = 1
    kind: PlacementKind = PlacementKind.BLOCK
    web: bool = False

    @property
    def published(self) -> bool:
        """Whether its variants are published for pages, and may be chosen only then."""
        return self.web or self.kind is PlacementKind.WEB


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
        float, Gt(0), Le(1), Doc("Share of a send's recipients, or of a refresh's, for whom it decides in the shadow, unseen by anybody")
    ] = 0.1
    shadow_sends: Annotated[int, Ge(1), Doc("Sends, or days of pages, it has to sit through in the shadow")] = 1
    shadow_hours: Annotated[float, Ge(0), Doc("Hours after such a send, or the end of such a day, at which its clicks are looked at")] = (
        48.0
    )
    stages: Annotated[
        tuple[Annotated[float, Gt(0), Le(1)], ...],
        Len(1, 20),
        Doc("Share of the recipients outside the holdout for whom it decides, stage by stage, up to 1"),
    ] = (0.01, 0.05, 0.2, 0.5, 1.0)
    stage_days: Annotated[float, Ge(0), Doc("Days that a stage lasts at least")] = 7.0
    looks: Annotated[int, Ge(1), Doc("Looks at newly matured sends, or days of pages, that a stage takes at least")] = 2
    margin: Annotated[
        float, Gt(0), Le(1), Doc("Relative loss of the goal below which it may take over; a larger one has to be excluded")
    ] = 0.05
    planned_sends: Annotated[
        int, Ge(1), Doc("Sends, or days of pages, that the whole takes, as foreseen; intervals are narrowest at half of them")
    ] = 10
    watch_hours: Annotated[float, Ge(0), Doc("Hours for which it is watched while it decides for all but the control")] = 48.0
    control: Annotated[float, Gt(0), Le(0.5), Doc("Share of recipients the incumbent keeps during the watch, to compare with")] = 0.05
    diversity_loss: Annotated[Share, Doc("Relative fall of the mix of categories in a letter up to which nothing is made of it")] = 0.1
    slowdown: Annotated[float, Ge(1), Doc("How many times as long a decision may take as the incumbent's")] = 3.0
    serving_p99_ms: Annotated[
        float, Gt(0), Doc("99th percentile, in milliseconds, of answers for placements on the web, above which no stage is left")
    ] = 5.0


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


@dataclass(frozen=True, slots=True)
class Refresh:
    """How a web campaign is refreshed: for whom its placements are decided ahead of their visits, and how long that holds."""

    active_days: Annotated[float, Gt(0), Le(3660), Doc("Days within which a recipient must have done something to be decided for")] = 30.0
    recipients: Annotated[int, Ge(1), Doc("The budget: for so many at most per refresh, the most recently active first")] = 1_000_000
    minutes: Annotated[
        Annotated[float, Gt(0)] | None,
        Doc("Minutes after which a refresh stops; what it has published by then stays. No limit if left out"),
    ] = None
    ttl_hours: Annotated[float, Gt(0), Le(8760), Doc("Hours after which a decision that was not made again gives way to the default")] = (
        48.0
    )
    contexts: Annotated[
        tuple[Annotated[str, Len(1, 64)], ...],
        Doc("Recipient attributes, such as country, for whose values visitors whom nobody knows get a default of their own"),
    ] = ()
    context_recipients: Annotated[
        int, Ge(10), Doc("Recipients that such a value must have among those decided for: fewer would tell of single people")
    ] = 100


@dataclass(frozen=True, slots=True)
class Campaign:
    """The whole definition. Immutable: its bytes are part of the content version. Only campaigns on the web have no sender."""

    campaign: CampaignId
    title: str
    sender: Sender | None
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
    refresh: Refresh = field(default_factory=Refresh)  # of a web campaign
    approval: Annotated[bool, Doc("A send waits until another person has approved its content and audience")] = False
    permutations: tuple[tuple[str, ...], ...] = ()  # folders of placements whose combinations are published as one file each
    file: str | None = None  # campaign.yaml as it was read, and where the expression stands in it, for error messages
    audience_line: int | None = None

    @property
    def surface(self) -> Surface:
        """The web when all of its placements are pages' own; letters otherwise. The two are not mixed."""
        own = bool(self.placements) and all(one.kind is PlacementKind.WEB for one in self.placements)
        return Surface.WEB if own else Surface.MAIL

    @property
    def published(self) -> tuple[Placement, ...]:
        """The placements that pages show."""
        return tuple(one for one in self.placements if one.published)

    @property
    def letter_sender(self) -> Sender:
        """Who its letters are from. FinalError for a campaign on the web: nobody asks that of one."""
        if self.sender is None:
            raise FinalError("a campaign on the web has no sender", where=self.campaign)
        return self.sender
