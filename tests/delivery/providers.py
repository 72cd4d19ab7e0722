"""The eight providers as tables: an address, a yes, and what else they are known to say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp import PROVIDERS, build_esp
from delivery.esp.http import HttpEsp
from delivery.esp.provider import Provider, Response
from domain.message import Letter
from tests.delivery.api import Told

KEY = "xk-0aB9_s3cr3tKeyOfTheShop4711"


@dataclass(frozen=True, slots=True)
class Known:
    """A provider: its address without the host, and how it says yes to a batch."""

    before: str
    after: str
    yes: Callable[[Sequence[Letter]], Told]
    ids: Callable[[int], str | None] = lambda place: f"esp-{place}"
    one_by_one: bool = False
    remembers: bool = False


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Told:
    return Told(status, orjson.dumps(content), headers or {})


def _listed(batch: Sequence[Letter], item: Callable[[int, Letter], dict[str, Any]]) -> list[dict[str, Any]]:
    return [item(place, letter) for place, letter in enumerate(batch)]


KNOWN: Mapping[str, Known] = {
    "brevo": Known(
        f"brevo://:{KEY}@", "", lambda batch: _json(201, {"messageIds": [f"<esp-{n}>" for n, _ in enumerate(batch)]}), remembers=True
    ),
    "mailgun": Known(
        f"mailgun://news.shop.example:{KEY}@", "", lambda _: _json(200, {"id": "<esp-0>", "message": "Queued. Thank you."}), one_by_one=True
    ),
    "mailjet": Known(
        f"mailjet://public:{KEY}@",
        "",
        lambda batch: _json(
            200, {"Messages": _listed(batch, lambda n, _: {"Status": "success", "To": [{"Email": "x", "MessageID": 1_000 + n}]})}
        ),
        ids=lambda place: str(1_000 + place),
    ),
    "postmark": Known(
        f"postmark://:{KEY}@",
        "?stream=news",
        lambda batch: _json(200, _listed(batch, lambda n, _: {"ErrorCode": 0, "Message": "OK", "MessageID": f"esp-{n}"})),
    ),
    "resend": Known(
        f"resend://:{KEY}@", "", lambda batch: _json(200, {"data": _listed(batch, lambda n, _: {"id": f"esp-{n}"})}), remembers=True
    ),
    "sendgrid": Known(f"sendgrid://:{KEY}@", "", lambda _: Told(202, b"", {"x-message-id": "esp-0"}), one_by_one=True),
    "ses": Known(
        f"ses://AKIDEXAMPLE:{KEY}@",
        "?region=eu-west-1&configuration_set=letterpress",
        lambda _: _json(200, {"MessageId": "esp-0"}),
        one_by_one=True,
    ),
    "sparkpost": Known(
        f"sparkpost://:{KEY}@",
        "",
        lambda _: _json(200, {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "esp-0"}}),
        one_by_one=True,
        remembers=True,
    ),
}
assert set(KNOWN) == set(PROVIDERS)


def esp_at(scheme: str, place: str = "", **options: object) -> HttpEsp:
    """The provider's ESP, at its own host or at this place; it does not sleep."""
    known = KNOWN[scheme]
    more = "&".join(f"{name}={value}" for name, value in options.items())
    joint = "&" if known.after and more else "?" if more else ""
    esp = build_esp(f"{known.before}{place}{known.after}{joint}{more}")
    assert isinstance(esp, HttpEsp)
    return HttpEsp(esp.provider, sleep=lambda _seconds: None)


@cache  # certificates take a while to load
def provider(scheme: str) -> Provider:
    """The provider at its own host."""
    return esp_at(scheme).provider


def response(told: Told) -> Response:
    """An answer as a provider sees it."""
    return Response(told.status, dict(told.headers), told.body)


@dataclass(frozen=True, slots=True)
class Said:
    """Something a provider says about one letter, and the answer it amounts to; a row of `esp_answers.yaml`."""

    scheme: str
    what: str
    status: int
    answer: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}: {self.what}"

    @property
    def response(self) -> Response:
        """As it came."""
        return Response(self.status, self.headers, self.raw.encode() if self.body is None else orjson.dumps(self.body))

    def answer_to(self, letter: Letter) -> Answer:
        """The answer about this letter."""
        told = self.answer
        match told["is"]:
            case "Accepted":
                return Accepted(letter.message_id, told.get("esp_id"))
            case "Rejected":
                return Rejected(letter.message_id, told["reason"])
            case "Retry":
                return Retry(letter.message_id, told["reason"], told.get("after"), cause=Cause(told["cause"]))
        return Unknown(letter.message_id, told["reason"])


_ROWS = yaml.safe_load((Path(__file__).parent / "esp_answers.yaml").read_text("utf-8"))
SAID = [Said(scheme, **row) for scheme, rows in _ROWS.items() for row in rows]
