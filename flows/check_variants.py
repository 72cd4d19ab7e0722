"""Check the variants of a campaign: those that do worse than they should are told of, and retired where the campaign says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact

from domain.campaign import Campaign, Goal, Surface
from domain.content import Content
from domain.errors import InputError
from domain.event import OutcomeKind
from domain.holding import shown_for
from domain.send import Send
from domain.variant_state import Retirement
from experiments.variant_health import Health, Miss, health
from experiments.variant_sums import Log, shown_variants
from flows.attribute_outcomes import attribute_recent
from flows.pause_send import BY_ITSELF
from flows.seen_days import seen_days
from flows.show_artifact import artifact_key
from flows.tell import tell_of_rollout
from flows.variant_notices import variants_notice
from runtime.clock import now
from runtime.house import House, shared_house
from storage.reach import unreached

_OUTCOMES = {Goal.CLICK: OutcomeKind.CLICK, Goal.CONVERSION: OutcomeKind.CONVERSION}


@dataclass(frozen=True, slots=True)
class CheckedVariants:
    """What was found over these sends. `retired`: those that were retired for it just now."""

    campaign: str
    sends: tuple[str, ...]
    found: tuple[Health, ...]
    retired: tuple[Retirement, ...] = ()


@flow(name="check-variants", flow_run_name="{campaign}")
def check_variants(campaign: str) -> int:
    """How many variants are flagged. Repeating retires nothing twice."""
    house = shared_house()
    attribute_recent(house)
    content = latest_content(house, campaign)
    checked = retire_flagged(house, content, variants_of(house, campaign))
    create_table_artifact(as_rows(checked), key=artifact_key("variant-health", content.campaign.campaign))
    flagged = [one for one in checked.found if one.flagged]
    get_run_logger().info("%d of %d variants are flagged, %d retired", len(flagged), len(checked.found), len(checked.retired))
    if checked.retired:
        tell_of_rollout(house, content.campaign, variants_notice(content.campaign, checked.retired, now()))
    return len(flagged)


def variants_of(house: House, campaign: str) -> CheckedVariants:
    """The health of every variant that was shown in the sends whose labels are closed. InputError where the goal has no counts."""
    content, at = latest_content(house, campaign), now()
    check = content.campaign.variant_health
    logs = _logs(house, content.campaign, at, at - timedelta(days=check.days))
    gone = unreached(house.database, [log.send_id for log in logs])
    shown = shown_variants(logs, gone, memory_mb=max(house.settings.feature_memory_mb, 400))
    found = health(shown, rate=check.false_share, minimum=check.minimum)
    return CheckedVariants(content.campaign.campaign, tuple(log.send_id for log in logs), tuple(found))


def retire_flagged(house: House, content: Content, checked: CheckedVariants) -> CheckedVariants:
    """Retire what is flagged, where the campaign says so; default variants never: the holdout gets them, and failures do."""
    if not content.campaign.variant_health.retire:
        return checked
    live = {(one.placement, one.variant) for one in content.variants if not one.is_default}
    flagged = [one for one in checked.found if one.flagged and (one.shown.placement, one.shown.variant) in live]
    made = [Retirement(one.shown.placement, one.shown.variant, now(), BY_ITSELF, why(one)) for one in flagged]
    return CheckedVariants(checked.campaign, checked.sends, checked.found, tuple(one for one in made if house.retirements.retire(one)))


def why(one: Health) -> str:
    """The miss in words."""
    if not isinstance(one.found, Miss):
        return str(one.found)
    limits = one.found.interval
    counted = f"{one.shown.clicks:,} clicks where {one.expected:,.0f} were to be expected of its readers"
    return f"{counted}: {one.found.ratio - 1:+.0%} ({limits.low - 1:+.0%} to {limits.high - 1:+.0%})"


def as_rows(checked: CheckedVariants) -> list[dict[str, str | int | float]]:
    """One row per variant, flagged ones first."""
    ordered = sorted(checked.found, key=lambda one: (not one.flagged, one.shown.placement, one.shown.variant))
    return [
        {"placement": one.shown.placement, "variant": one.shown.variant, "shown": one.shown.shown, "flagged": one.flagged, "says": why(one)}
        for one in ordered
    ]


def latest_content(house: House, campaign: str) -> Content:
    """The content of a campaign's last send. InputError before there is one."""
    name, _ = house.campaign_folder(campaign)
    if (content := house.contents.latest(name)) is None:
        raise InputError("nothing of it was sent yet", where=name)
    return content


def _closed(house: House, campaign: Campaign, at: datetime, since: datetime) -> Sequence[Send]:
    """Sends with a model whose clicks have all come in, no older than `since` when their letters left."""
    wait = timedelta(days=campaign.attribution.click_days + house.settings.labels_close_days)
    mine = [send for send in house.sends.list(campaign.campaign) if send.is_over and send.model_version]
    return [send for send in mine if since <= send.scheduled_at <= at - wait]


def _logs(house: House, campaign: Campaign, at: datetime, since: datetime) -> Sequence[Log]:
    """Letters send by send; pages day by day, and of what they showed only what people saw."""
    if campaign.surface is Surface.MAIL:
        return [_log(house, send) for send in _closed(house, campaign, at, since)]
    wait = timedelta(days=campaign.attribution.click_days + house.settings.labels_close_days) + shown_for(campaign)
    return [
        Log(day.send.send_id, day.decisions, day.outcomes, _outcome_of(day.content.campaign))
        for day in seen_days(house, campaign.campaign, since, at - wait)
    ]


def _log(house: House, send: Send) -> Log:
    partition, outcome = {"send_id": send.send_id}, _outcome_of(house.contents.load(send.content_version).campaign)
    return Log(send.send_id, house.lake.dataset("decisions", partition), house.lake.dataset("outcomes", partition), outcome)


def _outcome_of(campaign: Campaign) -> str:
    if campaign.goal not in _OUTCOMES:
        raise InputError("its model predicts revenue, and clicks cannot be held against that", where=campaign.campaign, hint="goal: click")
    return _OUTCOMES[campaign.goal].value
