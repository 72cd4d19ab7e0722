"""The house with its lights on: every store opened from the settings. For batch work; the HTTP process has `serving.py`."""

from dataclasses import dataclass
from functools import cache

from domain.errors import InputError
from domain.ids import CampaignId, SendId
from domain.send import Send
from runtime.services import redis_url_of
from runtime.serving import database_url_of, signal_streams
from runtime.settings import Settings, load_settings
from storage.approvals import Approvals
from storage.audit import Audit
from storage.contents import Contents
from storage.database import Database
from storage.decision_store import DecisionStore
from storage.events import Events
from storage.holdouts import Holdouts
from storage.lake import Lake
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.models import Models
from storage.preferences import PreferenceBook
from storage.publications import Publications
from storage.recipients import Recipients
from storage.retirements import Retirements
from storage.rollouts import Rollouts
from storage.runs import Runs
from storage.sends import Sends
from storage.serving_figures import ServingFigures
from storage.session_profiles import SessionProfiles
from storage.signals import SignalStreams
from storage.site_events import SiteEvents
from storage.suppressions import Suppressions
from storage.verdicts import Verdicts
from storage.waves import WaveBook


@dataclass(frozen=True, slots=True)
class House:
    """All stores of one installation."""

    settings: Settings
    database: Database
    lake: Lake
    decisions: DecisionStore
    recipients: Recipients
    suppressions: Suppressions
    preferences: PreferenceBook
    sends: Sends
    runs: Runs
    ledger: SqlLedger
    holdouts: Holdouts
    contents: Contents
    models: Models
    events: Events
    verdicts: Verdicts
    site_events: SiteEvents
    waves: WaveBook
    approvals: Approvals
    audit: Audit
    rollouts: Rollouts
    retirements: Retirements
    publications: Publications
    serving: ServingFigures
    signals: SignalStreams
    sessions: SessionProfiles

    def send(self, send_id: str) -> Send:
        """The send, or InputError with the newest ones."""
        if found := self.sends.get(SendId(send_id)):
            return found
        newest = ", ".join(send.send_id for send in self.sends.list()[:3]) or "none yet"
        raise InputError(f"there is no send {send_id!r}", hint=f"newest: {newest}")

    def campaign_folder(self, campaign: str) -> tuple[CampaignId, str]:
        """The id and folder of a campaign, or InputError with those there are."""
        root = self.settings.campaigns_folder
        if (root / campaign / "campaign.yaml").is_file():
            return CampaignId(campaign), str(root / campaign)
        there = ", ".join(sorted(path.parent.name for path in root.glob("*/campaign.yaml"))) or "none"
        raise InputError(f"there is no campaign {campaign!r} in {root}", hint=f"there: {there}")


def open_house(settings: Settings) -> House:
    """Open every store and bring the database's schema up to date. Raises UnavailableError for one that does not answer."""
    settings.var.mkdir(parents=True, exist_ok=True)
    database = Database(database_url_of(settings))
    database.check()
    migrate(database)
    lake = Lake(settings.lake_url or str(settings.var / "lake"))
    return House(
        settings=settings,
        database=database,
        lake=lake,
        decisions=DecisionStore(redis_url_of(settings)),
        recipients=Recipients(database),
        suppressions=Suppressions(database),
        preferences=PreferenceBook(database),
        sends=Sends(database),
        runs=Runs(database),
        ledger=SqlLedger(database),
        holdouts=Holdouts(database),
        contents=Contents(database),
        models=Models(database, lake),
        events=Events(database),
        verdicts=Verdicts(database),
        site_events=SiteEvents(database),
        waves=WaveBook(database),
        approvals=Approvals(database),
        audit=Audit(database),
        rollouts=Rollouts(database),
        retirements=Retirements(database),
        publications=Publications(database),
        serving=ServingFigures(redis_url_of(settings)),
        signals=signal_streams(settings),
        sessions=SessionProfiles(redis_url_of(settings), settings.session_rule),
    )


@cache
def shared_house() -> House:
    """This process's house, for tasks that are given a shard's key and nothing else."""
    return open_house(load_settings())
