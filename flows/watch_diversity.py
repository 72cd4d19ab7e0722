"""Watch the diversity index: how mixed the last letters were for each of their readers, and whether that has fallen."""

from dataclasses import dataclass, replace
from datetime import timedelta

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from domain.campaign import PlacementKind, Surface
from domain.ids import CampaignId
from domain.send import Send, SendStatus
from experiments.diversity_trend import FALL, LETTERS, Fall, MixPoint, Shelf, fall_of, trend
from flows.check_variants import latest_content
from flows.seen_days import seen_days
from flows.show_artifact import artifact_key
from flows.tell import tell_of_rollout
from flows.variant_notices import diversity_notice
from runtime.clock import now
from runtime.house import House, shared_house

_SENDS = 26  # the latest ones that are looked at


@dataclass(frozen=True, slots=True)
class Watched:
    """The index after each send, and whether it has fallen."""

    campaign: str
    points: tuple[MixPoint, ...]
    fall: Fall | None


@flow(name="watch-diversity", flow_run_name="{campaign}")
def watch_diversity(campaign: str, letters: int = LETTERS, by: float = FALL) -> bool:
    """Whether the mix fell; people are told if it did."""
    house = shared_house()
    content, watched = latest_content(house, campaign), diversity_of(house, campaign, letters, by)
    create_table_artifact(as_rows(watched), key=artifact_key("diversity", watched.campaign))
    if watched.fall:
        tell_of_rollout(house, content.campaign, diversity_notice(content.campaign, watched.fall, now()))
    get_run_logger().info(
        "%s: %d points, the mix has %s", watched.campaign, len(watched.points), "fallen" if watched.fall else "not fallen"
    )
    return watched.fall is not None


def diversity_of(house: House, campaign: str, letters: int = LETTERS, by: float = FALL) -> Watched:
    """The index after each of the latest sends that were finished."""
    name, _ = house.campaign_folder(campaign)
    points = trend(_shelves(house, name), letters)
    return Watched(name, tuple(points), fall_of(points, by))


def as_rows(watched: Watched) -> list[dict[str, str | int | float]]:
    """One row per send, the latest first."""
    return [
        {
            "after": point.send_id,
            "letters": point.letters,
            "readers": point.personalised.entropy.n,
            "entropy": f"{point.personalised.entropy.mean:.3f}",
            "held out": f"{point.held_out.entropy.mean:.3f}" if point.held_out else "",
            "variants": f"{point.personalised.variants} of {point.variants}",
            "as many alike": f"{point.personalised.effective:.1f}",
            "commonest": f"{point.personalised.top_share:.0%}",
        }
        for point in reversed(watched.points)
    ]


def _shelves(house: House, name: CampaignId) -> list[Shelf]:
    """The latest first: letters send by send; of pages what people saw, day by day."""
    if (latest := house.sends.latest(name, surface=None)) and latest.surface is Surface.WEB:
        days = reversed(seen_days(house, name, now() - timedelta(days=_SENDS)))
        return [replace(_shelf(house, day.sends[-1]), send_id=day.send.send_id, decisions=day.decisions) for day in days]
    finished = [send for send in house.sends.list(name) if send.status is SendStatus.FINISHED][:_SENDS]
    return [_shelf(house, send) for send in finished]


def _shelf(house: House, send: Send) -> Shelf:
    content = house.contents.load(send.content_version)
    blocks = tuple(one.placement for one in content.campaign.placements if one.kind is not PlacementKind.SUBJECT)
    live = sum(variant.live_at(send.as_of) for placement in blocks for variant in content.of(placement))
    return Shelf(send.send_id, send.scheduled_at, house.lake.dataset("decisions", {"send_id": send.send_id}), blocks, live)
