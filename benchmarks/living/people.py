"""The people of the simulated shop: they browse and buy, get their letters from the simulated ESP, and answer them on the web."""

from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pandas as pd

from delivery.esp.folder_layout import path_of
from delivery.links import Signer
from domain.ids import MessageId
from domain.send import Send
from runtime.house import House
from runtime.keys import signing_keys
from simulator.esp.handle import Message, SimulatedEsp
from simulator.replies import Replies, reply
from simulator.shop_files import write
from storage.imports.columns import ImportKind
from storage.imports.run import Stores, run_import
from storage.imports.source import Source


@dataclass
class People:
    """Who reads, with what lies in their mailboxes."""

    house: House
    esp: SimulatedEsp
    shop: Path
    mailbox: Path
    web: str
    seen: set[str] = field(default_factory=set)

    def read(self, send: Send, at: datetime) -> Replies:
        """Take the letters of a send out of the ESP's hands, read and answer them; what is bought the shop tells us."""
        for message in self.esp.messages(provider="postmark", content=True):
            if message.message_id not in self.seen:
                self.seen.add(message.message_id)
                self._put(message)
        house = self.house
        replies = reply(
            self.shop,
            self.mailbox,
            send,
            house.contents.load(send.content_version),
            house.lake.read("decisions", {"send_id": send.send_id}),
            signer=Signer(signing_keys(house.settings), send.key_id),
            web=self.web,
            at=at,
        )
        if replies.purchases_file:
            self._told(ImportKind.PURCHASES, replies.purchases_file, at)
        return replies

    def browse(self, visits: pd.DataFrame, at: datetime) -> None:
        """What they did on the site until now the shop tells us."""
        if len(visits):
            file = self.shop / f"events-{at:%Y%m%dT%H%M}.parquet"
            write(file, visits)
            self._told(ImportKind.EVENTS, str(file), at)

    def _told(self, kind: ImportKind, file: str, at: datetime) -> None:
        stores = Stores(self.house.recipients, self.house.lake)
        run_import(kind, Source(file), None, stores, name="shop", rejects=self.house.settings.var / "rejects.csv", at=at)

    def _put(self, message: Message) -> None:
        letter = EmailMessage()
        for name, value in (message.headers or {}).items():
            letter[name] = value
        letter.set_content(message.text or "")
        letter.add_alternative(message.html or "", subtype="html")
        path = path_of(self.mailbox, MessageId(message.message_id))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(letter))
