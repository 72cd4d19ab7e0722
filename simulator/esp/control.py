"""The other side of the counter, under /_control: what was accepted, what goes wrong next, and forgetting it all."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from domain.errors import InputError
from simulator.esp.calls import Call, Held, Reply, json_reply
from simulator.esp.contents import Printed
from simulator.esp.desk import Desk
from simulator.esp.faults import parse_faults

if TYPE_CHECKING:
    from simulator.esp.webhooks.poster import Poster

_PREFIX = "/_control/"
_PAGE = 1_000
_CERTIFICATES = ("/SimpleNotificationService-", "/sns/")


class Control:
    """Answers about a desk, and changes it. `scopes`: the providers that faults can name."""

    def __init__(self, desk: Desk, scopes: Iterable[str], poster: "Poster") -> None:
        self._desk, self._scopes, self._poster = desk, tuple(scopes), poster
        self._routes: Mapping[tuple[str, str], Callable[[Call], Reply]] = {
            ("GET", "state"): self._state,
            ("GET", "ids"): self._ids,
            ("GET", "messages"): self._messages,
            ("GET", "events"): self._events,
            ("GET", "keys"): self._keys,
            ("PUT", "faults"): self._faults,
            ("PUT", "events"): self._set_events,
            ("POST", "events"): self._make_event,
            ("POST", "advance"): self._advance,
            ("POST", "reset"): self._reset,
        }

    def serves(self, path: str) -> bool:
        """Whether a path is of this side, or of Amazon SNS's."""
        return path.startswith((_PREFIX, *_CERTIFICATES))

    def answer(self, call: Call) -> Reply:
        """Answer a call; a mistake in it is told with 400."""
        if call.path.startswith(_CERTIFICATES):
            return self._poster.sns(call)
        handler = self._routes.get((call.method, call.path.removeprefix(_PREFIX)))
        if handler is None:
            return json_reply(404, {"error": f"there is no {call.method} {call.path}"})
        try:
            return handler(call)
        except (InputError, ValueError, KeyError) as error:
            return json_reply(400, {"error": str(error)})

    def _state(self, _call: Call) -> Reply:
        book, faults = self._desk.book, self._desk.faults
        providers = {name: asdict(tally) | _counted(book.accepted.get(name, {})) for name, tally in book.tallies.items()}
        happened: dict[str, dict[str, int]] = {}
        for (scope, fault), count in faults.happened.items():
            happened.setdefault(scope, {})[fault] = count
        return json_reply(200, {"providers": providers, "faults": happened, "webhooks": asdict(self._poster.counts)})

    def _ids(self, call: Call) -> Reply:
        """How often each of our ids was accepted, in all or by one provider."""
        counts: dict[str, int] = {}
        for provider, accepted in self._desk.book.accepted.items():
            if call.query.get("provider", provider) == provider:
                for message_id, count in accepted.items():
                    counts[message_id] = counts.get(message_id, 0) + count
        return json_reply(200, counts)

    def _messages(self, call: Call) -> Reply:
        wanted = call.query
        chosen = self._desk.book.about(wanted["message_id"]) if "message_id" in wanted else self._desk.book.held
        found = (held for held in chosen if _matches(held, wanted))
        start, count = int(wanted.get("offset", 0)), int(wanted.get("limit", _PAGE))
        return json_reply(200, [_shown(held, content="content" in wanted) for held in islice(found, start, start + count)])

    def _events(self, _call: Call) -> Reply:
        return json_reply(200, [event.described() for event in self._poster.emitted])

    def _keys(self, _call: Call) -> Reply:
        return json_reply(200, self._poster.keys.published())

    def _faults(self, call: Call) -> Reply:
        plan = parse_faults(orjson.loads(call.body)["spec"], scopes=self._scopes, seed=self._desk.faults.seed)
        self._desk.faults = plan
        return json_reply(200, {"faults": "set"})

    def _set_events(self, call: Call) -> Reply:
        asked = orjson.loads(call.body)
        self._poster.configure(asked.get("url"), asked.get("spec", ""))
        return json_reply(200, {"events": "set"})

    def _make_event(self, call: Call) -> Reply:
        """Let something happen to a message that was accepted."""
        asked = orjson.loads(call.body)
        held = self._desk.book.about(asked["message_id"])
        made = [self._poster.happen(one, asked["kind"], url=asked.get("url")) for one in held]
        return json_reply(200 if made else 404, {"events": [event.described() for event in made]})

    def _advance(self, call: Call) -> Reply:
        self._desk.book.ahead += float(orjson.loads(call.body)["seconds"])
        return json_reply(200, {"ahead": self._desk.book.ahead})

    def _reset(self, _call: Call) -> Reply:
        """Forget messages, keys, events, and the time that was let pass; faults stay as they are set, and begin to count anew."""
        self._desk.book.clear()
        self._desk.keys.clear()
        self._desk.faults.calls.clear()
        self._desk.faults.happened.clear()
        self._poster.reset()
        return json_reply(200, {"reset": True})


def _counted(accepted: Mapping[str, int]) -> dict[str, int]:
    """`duplicates`: acceptances of one of our ids beyond its first. Messages without an id are counted apart."""
    named = {message_id: count for message_id, count in accepted.items() if message_id}
    return {"distinct": len(named), "duplicates": sum(named.values()) - len(named), "unnamed": accepted.get("", 0)}


def _matches(held: Held, wanted: Mapping[str, str]) -> bool:
    asked = {"provider": held.provider, "recipient": held.entry.recipient, "account": held.account}
    return all(wanted.get(name, value) == value for name, value in asked.items())


def _shown(held: Held, *, content: bool) -> dict[str, object]:
    shown: dict[str, object] = {
        "number": held.number,
        "provider": held.provider,
        "account": held.account,
        "message_id": held.message_id,
        "recipient": held.entry.recipient,
        "esp_message_id": held.esp_message_id,
        "idempotency_key": held.idempotency_key,
        "at": held.at,
        "metadata": dict(held.entry.metadata),
        "lost": held.entry.lost,
        "digest": "" if held.entry.lost else held.entry.content.digest,
    }
    return shown | ({} if not content or held.entry.lost else _printed(held.entry.content.printed()))


def _printed(printed: Printed) -> dict[str, object]:
    mime = None if printed.mime is None else printed.mime.decode("latin-1")
    parts = {"subject": printed.subject, "html": printed.html, "text": printed.text}
    return {**parts, "headers": dict(printed.headers), "mime": mime, "notes": list(printed.notes)}
