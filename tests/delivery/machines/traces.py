"""Makes events as the HTTP process and ESPs leave them."""

from datetime import UTC, datetime, timedelta

import orjson

from delivery.machines.scoring import judge_all
from domain.event import EventKind, ReceivedEvent
from domain.ids import RecipientId, SendId, digest, message_id_of
from domain.machine import Judgement, Trace

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SEND = SendId("weekly-1")


def trace(
    after: float = 3_600.0,
    link: str | None = "a",
    *,
    who: str = "r1",
    kind: EventKind = EventKind.CLICKED,
    agent: str | None = BROWSER,
    network: str | None = "home",
    method: str = "GET",
    purpose: str | None = None,
    domain: str = "mail.example",
) -> Trace:
    """A click on a link of ours, so many seconds after the hand-off."""
    said = {"link_id": link, "position": 1, "method": method, "user_agent": agent, "network": network, "purpose": purpose}
    return told(orjson.dumps(said).decode(), after, who=who, kind=kind, domain=domain)


def told(raw: str, after: float = 3_600.0, *, who: str = "r1", kind: EventKind = EventKind.CLICKED, domain: str = "mail.example") -> Trace:
    """An event with this raw payload."""
    at, recipient = AT + timedelta(seconds=after), RecipientId(who)
    message = message_id_of(SEND, recipient)
    event = ReceivedEvent(digest(raw, who, kind, str(after)), "web", kind, recipient, message, None, at, at, raw, SEND)
    return Trace(event, domain, AT)


def post(after: float = 3_600.0, *, agent: str = BROWSER, network: str = "home") -> Trace:
    """An unsubscription by our page's button, or by a mail provider's."""
    return trace(after, None, kind=EventKind.UNSUBSCRIBED, method="POST", agent=agent, network=network)


def judged(*messages: list[Trace]) -> list[Judgement]:
    """The verdicts, in the order in which the events were given."""
    found = {judgement.event_id: judgement for judgement in judge_all(lambda: messages)}
    return [found[one.event.event_id] for message in messages for one in message]
