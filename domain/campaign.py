"""The campaign: the definition a marketer writes in `campaign.yaml`. One send is one scheduled run of it.

The dataclasses are validated by pydantic where the file is read (`delivery/campaign_file.py`); the same classes yield
the JSON Schema that editors complete from. Field descriptions are therefore written for the marketer.
"""

from dataclasses import dataclass, field
from datetime import time
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
    file: str | None = None  # campaign.yaml as it was read, and where the expression stands in it, for error messages
    audience_line: int | None = None
