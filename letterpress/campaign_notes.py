"""What is worth knowing of campaigns before their next send: what holdouts will not show, which variants are retired or not published."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from delivery.campaign_file import read_campaign
from delivery.campaign_folder import read_folder
from domain.campaign import Campaign
from domain.errors import LetterpressError
from domain.publication import PublicationState, standing
from flows.foresee_lift import foreseen
from runtime.clock import now
from runtime.serving import database_url_of
from runtime.settings import Settings
from storage.database import Database
from storage.lake import Lake
from storage.publications import Publications
from storage.recipients import Recipients
from storage.retirements import Retirements


def campaign_notes(settings: Settings, folders: Sequence[Path]) -> list[str]:
    """One line each. Nothing where the database or the lake does not answer, or is of an older version: notes hold nobody up."""
    try:
        database, lake = Database(database_url_of(settings)), Lake(settings.lake_url or str(settings.var / "lake"))
        return [note for folder in folders for note in _notes(database, lake, read_campaign(read_folder(folder)))]
    except LetterpressError:
        return []


def _notes(database: Database, lake: Lake, campaign: Campaign) -> Iterator[str]:
    for warning in foreseen(lake, Recipients(database).count(), campaign).warnings:
        yield f"{campaign.campaign}: {warning}"
    yield from _unpublished(database, campaign)
    for (placement, variant), one in sorted(Retirements(database).at(now()).items()):
        if placement.startswith(f"{campaign.campaign}."):
            yield f"{placement}/{variant} is retired since {one.at:%Y-%m-%d}: {one.why}"


def _unpublished(database: Database, campaign: Campaign) -> Iterator[str]:
    """Variants whose last way to pages ended otherwise than published."""
    shown = [one.placement for one in campaign.placements if one.published]
    steps = Publications(database).at(shown, now()) if shown else {}
    if shown and not steps:
        yield f"{campaign.campaign}: pages show nothing of it yet: letterpress publish {campaign.campaign}"
    for (placement, variant), step in sorted(steps.items()):
        if step.state is not PublicationState.PUBLISHED:
            yield f"{placement}/{variant} is {standing(step, step.digest)}"
