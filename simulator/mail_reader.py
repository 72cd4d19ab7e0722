"""A mail program with a reader before it: finds the real links in real letters, and follows them on the web.

So the loop of a simulation runs through what a real one would run through: the printed letter, its signed links, the HTTP
process, and the events it stores.
"""

import asyncio
import gc
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Protocol

import httpx
from fastapi import FastAPI

from delivery.esp.folder_layout import letters, path_of
from delivery.links import Click
from domain.content import Link
from domain.errors import InputError, UnavailableError
from domain.hashing import key_of
from domain.ids import RecipientId, SendId, message_id_of
from simulator.mailboxes import Mailbox, Town
from simulator.readers import Reading
from simulator.scanners import UNSUBSCRIBE, Habits, scan

_CLICK_PATH = re.compile(r"/c/[A-Za-z0-9_-]+")
_CLICK_TOKEN = re.compile(r"/c/([A-Za-z0-9_-]+)")
_UNSUBSCRIBE_PATH = re.compile(r"(/u/[A-Za-z0-9_-]+)>")
_AT_ONCE = 8
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class ReadsClicks(Protocol):
    """Reads the tokens of links; `delivery.links.Signer` does."""

    def read_click(self, token: str) -> Click:
        """What a token says. Raises InputError for one that was not signed here."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a reader's: a click, or a one-click unsubscription. Machines' have agents of their own."""

    path: str
    unsubscribes: bool = False
    agent: str = _AGENT


@dataclass(frozen=True, slots=True)
class Followed:
    """What came of it. `without_link`: clicks on blocks that have no link of ours to follow."""

    clicked: int
    unsubscribed: int
    without_link: int


def arrived(mailbox: Path, send_id: SendId, recipients: Iterable[str]) -> set[str]:
    """Which recipients' letters of a send lie in the mailbox."""
    there = {path.stem for path in letters(mailbox)}
    return {recipient for recipient in recipients if message_id_of(send_id, RecipientId(recipient)) in there}


def requests_of(mailbox: Path, send_id: SendId, reading: Reading, links: Sequence[Link], signer: ReadsClicks) -> Iterator[Request | None]:
    """The requests a reading leads to, letter by letter; None for a click on a block without a link."""
    by_id = {link.link_id: link for link in links}
    for recipient, clicks in reading.clicks.groupby("recipient_id", sort=True):
        tokens = _tokens(_html_of(_letter(mailbox, send_id, str(recipient))), by_id, signer)
        for placement, position, variant in zip(clicks["placement"], clicks["position"], clicks["variant"], strict=True):
            token = tokens.get((str(placement), int(position), str(variant)))
            yield Request(f"/c/{token}") if token else None
    for recipient in reading.unsubscribed:
        found = _UNSUBSCRIBE_PATH.search(str(_letter(mailbox, send_id, recipient)["List-Unsubscribe"]))
        yield Request(found.group(1), unsubscribes=True) if found else None


def scans_of(mailbox: Path, send_id: SendId, boxes: Sequence[Mailbox], *, seed: int) -> Iterator[Request]:
    """The requests that scanners of mailboxes make for the links of letters, the unsubscribe page's among them; all at once."""
    for box in boxes:
        letter = _letter(mailbox, send_id, box.recipient_id)
        links = list(dict.fromkeys(_CLICK_PATH.findall(_html_of(letter))))
        leave = _UNSUBSCRIBE_PATH.search(str(letter["List-Unsubscribe"]))
        for seen in scan([box], links, Town(), Habits(), seed=key_of(f"{seed}|{send_id}|{box.recipient_id}")):
            path = leave.group(1) if seen.link == UNSUBSCRIBE and leave else seen.link
            if path and path != UNSUBSCRIBE:
                yield Request(path, agent=seen.agent)


def follow(requests: Iterable[Request | None], web: FastAPI | str) -> Followed:
    """Make the requests: of the application in this process, or at an address where one is being served.

    Raises UnavailableError if it does not answer, InputError if it does not know a link.
    """
    wanted = list(requests)
    known = [request for request in wanted if request]
    asyncio.run(_follow(known, web))
    unsubscribed = sum(request.unsubscribes for request in known)
    return Followed(len(known) - unsubscribed, unsubscribed, len(wanted) - len(known))


def _letter(mailbox: Path, send_id: SendId, recipient: str) -> Message:
    """A letter, by the quicker of the standard library's parsers."""
    return message_from_bytes(path_of(mailbox, message_id_of(send_id, RecipientId(recipient))).read_bytes())


def _html_of(letter: Message) -> str:
    """The HTML part, decoded; empty if there is none."""
    bodies = (part.get_payload(decode=True) for part in letter.walk() if part.get_content_type() == "text/html")
    body = next(bodies, b"")
    return body.decode() if isinstance(body, bytes) else ""


def _tokens(html: str, links: Mapping[str, Link], signer: ReadsClicks) -> Mapping[tuple[str, int, str], str]:
    """The token of the first link of each block of a letter, by placement, position and variant."""
    found: dict[tuple[str, int, str], tuple[int, str]] = {}
    for token in set(_CLICK_TOKEN.findall(html)):
        click = signer.read_click(token)
        link = links.get(click.link_id)
        if link and link.placement and link.variant:
            block = (str(link.placement), click.position, str(link.variant))
            found[block] = min(found.get(block, (link.ordinal, token)), (link.ordinal, token))
    return {block: token for block, (_, token) in found.items()}


async def _follow(requests: Sequence[Request], web: FastAPI | str) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)
    async with _client(web) as client:

        async def one(request: Request) -> None:
            async with turns:
                await _make(client, request)

        await asyncio.gather(*(one(request) for request in requests))


async def _make(client: httpx.AsyncClient, request: Request) -> None:
    try:
        if request.unsubscribes:
            answer = await client.post(request.path, content="List-Unsubscribe=One-Click")
        else:
            answer = await client.get(request.path, headers={"user-agent": request.agent})
    except httpx.TransportError as error:
        raise UnavailableError(f"the web process does not answer: {type(error).__name__}", hint="letterpress serve") from None
    if answer.status_code not in (httpx.codes.OK, httpx.codes.FOUND):
        raise InputError(f"the web process answers {answer.status_code} to a link of a letter", hint="is it served from the same home?")


@asynccontextmanager
async def _client(web: FastAPI | str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, started and stopped with it, or of an address."""
    headers = {"user-agent": _AGENT, "content-type": "application/x-www-form-urlencoded"}
    if isinstance(web, str):
        async with httpx.AsyncClient(base_url=web, headers=headers) as client:
            yield client
        return
    async with web.router.lifespan_context(web):
        gc.unfreeze()  # the application freezes what is loaded for good, which suits a process of its own and not this one
        transport = httpx.ASGITransport(app=web)
        async with httpx.AsyncClient(transport=transport, base_url="http://letterpress.invalid", headers=headers) as client:
            yield client
