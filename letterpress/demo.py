"""The demo: a whole campaign on a simulated shop, each step done once and remembered by what it left behind."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from delivery.compile import compile_campaign
from delivery.links import Signer
from domain.content import Content
from domain.errors import InputError
from domain.ids import CampaignId, SendId, send_id_of
from domain.send import Send
from flows.plan_send import checked_content
from flows.train_model import train_model
from letterpress.rehearsal import Rehearsal, rehearse
from runtime.clock import now
from runtime.house import House
from runtime.keys import signing_keys
from runtime.serving import open_serving
from simulator.letters import surfaces_of
from simulator.replies import Replies, reply
from simulator.shop import simulate_shop
from simulator.shop_files import DECISIONS, EVENTS, PURCHASES, RECIPIENTS
from storage.imports.columns import ImportKind
from storage.imports.report import ImportReport
from storage.imports.run import Stores, run_import
from storage.imports.source import Source
from web.app import create_app

CAMPAIGN = CampaignId("weekly")
FILES = {
    ImportKind.RECIPIENTS: RECIPIENTS,
    ImportKind.DECISIONS: DECISIONS,
    ImportKind.EVENTS: EVENTS,
    ImportKind.PURCHASES: PURCHASES,
}


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo's house, its folder under var/, and how large its shop is."""

    house: House
    folder: Path
    recipients: int
    weeks: int
    seed: int

    def at(self) -> datetime:
        """The instant of the demo's send: chosen at its first start and kept, so that a second start finds the same send."""
        kept = self.folder / "instant"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(now().replace(microsecond=0).isoformat())
        return datetime.fromisoformat(kept.read_text())

    @property
    def mailbox(self) -> Path:
        """The folder that letters are handed off into."""
        return self.house.settings.home / self.house.settings.esp.removeprefix("folder:")

    @property
    def send_id(self) -> SendId:
        """The id of the demo's send."""
        return send_id_of(CAMPAIGN, self.at())

    def content(self) -> Content:
        """The demo campaign's content as it stands in templates/."""
        return checked_content(self.house, CAMPAIGN)

    def shop(self) -> None:
        """Invent the shop: people with tastes, a catalogue, weeks of past letters, clicks and purchases."""
        surfaces = surfaces_of(compile_campaign(self.house.settings.campaigns_folder / CAMPAIGN))
        simulate_shop(self.folder, recipients=self.recipients, weeks=self.weeks, seed=self.seed, until=self.at(), surfaces=surfaces)

    def refuse_real_data(self) -> None:
        """InputError where the demo would mix invented people with real ones, or write to a real relay."""
        home = "give the demo a home of its own: LETTERPRESS_HOME=/tmp/demo letterpress demo, with templates/ in it"
        if self.house.recipients.count() and not self.folder.exists():
            raise InputError("there are recipients here that the demo did not invent", hint=home)
        if not self.house.settings.esp.startswith("folder:"):
            raise InputError("the demo hands off into a folder, and LETTERPRESS_ESP names a relay", hint="unset it for the demo")

    def imported(self) -> list[ImportReport]:
        """Import the shop's files as anybody would import their own."""
        stores = Stores(self.house.recipients, self.house.lake)
        rejects = self.house.settings.var / "rejects"
        return [
            run_import(kind, Source(str(self.folder / file)), None, stores, name="demo", rejects=rejects / f"{kind}-demo.csv", at=now())
            for kind, file in FILES.items()
        ]

    def train(self) -> str:
        """Train the first model on the shop's history; the version that decides."""
        return self.house.models.incumbent(CAMPAIGN) or train_model(self.house, self.content(), self.at()).model.model_version

    def dry_run(self) -> Rehearsal:
        """Everything but the hand-off."""
        return rehearse(self.house, CAMPAIGN, self.at(), lambda _done, _shards: None)

    def readers(self, send: Send) -> Replies:
        """Let the readers of the send open, click, buy and unsubscribe, through the real links of the letters in the mailbox."""
        settings = self.house.settings
        return reply(
            self.folder,
            self.mailbox,
            send,
            self.house.contents.load(send.content_version),
            self.house.lake.read("decisions", {"send_id": send.send_id}),
            signer=Signer(signing_keys(settings)),
            web=create_app(open_serving(settings)),
            at=now(),
        )
