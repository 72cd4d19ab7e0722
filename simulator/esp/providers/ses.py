"""Amazon SES API v2, SendEmail and SendBulkEmail, as its API reference and botocore's service model have them."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from simulator.esp.addresses import address_in, plausible
from simulator.esp.calls import (
    Call,
    Declined,
    Entry,
    Order,
    Outcome,
    Purpose,
    Receipt,
    Refusal,
    Reply,
    Route,
    WithoutKeys,
    WithoutLookUp,
    json_reply,
    read_json,
    route,
)
from simulator.esp.contents import Content, Raw, Templated, Whole, header_of
from simulator.esp.names import hex_name
from simulator.esp.providers.ses_signature import KNOWN_KEY, key_of, signature_holds
from simulator.esp.substitution import handlebars, unrenderable

_MOST_ENTRIES = 50
_MOST_BYTES = 40_000_000  # of a message, as base64
_MOST_TEMPLATE_BYTES = 1_000_000  # of an inline template
_MOST_DATA = 262_144  # characters of template data
_MOST_HEADERS = 15
_MOST_TAGS = 50
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}$")
_HEADER_NAME, _HEADER_VALUE = re.compile(r"[!-9;-@A-~]{1,126}$"), re.compile(r"[ -~]{1,995}$")
_SINGLE, _BULK = "/v2/email/outbound-emails", "/v2/email/outbound-bulk-emails"
_REFUSED = "The recipient's address is refused."  # not SES's "Email address is not verified", which is about the sender
_WORDS = {
    Declined.REJECTED: ("MESSAGE_REJECTED", _REFUSED),
    Declined.THROTTLED: ("ACCOUNT_THROTTLED", "Maximum sending rate exceeded."),
    Declined.INVALID: ("INVALID_PARAMETER", ""),
}


class Ses(WithoutKeys, WithoutLookUp):
    """Signed by SigV4. Bulk calls are answered entry by entry, throttling too: inside a 200, with no Retry-After."""

    name = "ses"
    routes: Sequence[Route] = (route("POST", _SINGLE), route("POST", _BULK), route("GET", "/v2/email/account", Purpose.GREET))
    declines = frozenset({Declined.REJECTED, Declined.THROTTLED})

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def account(self, call: Call) -> str:
        """By its access key; the signature of one well-known key is checked in full (`ses_signature.py`)."""
        key = key_of(call)
        if key is None:
            raise Refusal(_said(403, "MissingAuthenticationTokenException", "Missing Authentication Token"))
        if key == KNOWN_KEY and not signature_holds(call):
            raise Refusal(self.denied())
        return key

    def read(self, call: Call, account: str) -> Order:
        """One message, or up to fifty that share a template."""
        try:
            asked = read_json(call)
        except ValueError:
            raise Refusal(_said(400, "SerializationException", "")) from None
        bulk = call.path.rstrip("/") == _BULK
        return Order(account, list(_bulk(asked)) if bulk else [_single(asked)], many=bulk)

    def answer(self, order: Order, outcomes: Sequence[Outcome]) -> Reply:
        """200 with an id, or with one result per entry."""
        if order.many:
            return json_reply(200, {"BulkEmailEntryResults": [_result(*pair) for pair in zip(order.entries, outcomes, strict=True)]})
        outcome = outcomes[0]
        if isinstance(outcome, Receipt):
            return json_reply(200, {"MessageId": outcome.esp_message_id})
        if outcome is Declined.THROTTLED:
            return self.throttled(None, None)
        name = "MessageRejected" if outcome is Declined.REJECTED else "BadRequestException"
        return _said(400, name, order.entries[0].fault or _REFUSED)

    def greet(self) -> Reply:
        """The account."""
        return json_reply(200, {"SendingEnabled": True, "ProductionAccessEnabled": True, "EnforcementStatus": "HEALTHY"})

    def denied(self) -> Reply:
        """403: the signature does not hold."""
        return _said(403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")

    def throttled(self, order: Order | None, after: float | None) -> Reply:
        """429 for a single message; a bulk call is answered 200, every entry ACCOUNT_THROTTLED."""
        if order and order.many:
            return self.answer(order, [Declined.THROTTLED] * len(order.entries))
        return _said(429, "TooManyRequestsException", "Maximum sending rate exceeded.", {"retry-after": f"{after:g}"} if after else {})

    def failed(self) -> Reply:
        """500."""
        return _said(500, "InternalFailure", "The request processing has failed because of an unknown error.")

    def message_name(self, number: int) -> str:
        """As SES writes them."""
        made = hex_name(self.name, self._seed, number)
        return f"0100{made[:12]}-{made[12:20]}-{made[20:24]}-{made[24:28]}-{made[28:32]}-{number:012x}-000000"


def _said(status: int, name: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, {"message": message}, {"x-amzn-errortype": name, **(headers or {})})


def _wrong(message: str) -> Refusal:
    return Refusal(_said(400, "BadRequestException", message))


def _result(entry: Entry, outcome: Outcome) -> dict[str, str]:
    if isinstance(outcome, Receipt):
        return {"Status": "SUCCESS", "MessageId": outcome.esp_message_id}
    status, error = _WORDS[outcome]
    return {"Status": status, "Error": entry.fault or error}


def _single(asked: Mapping[str, Any]) -> Entry:
    content, silent = asked.get("Content") or {}, not asked.get("ConfigurationSetName")
    tags = _tags(asked.get("EmailTags"))
    if raw := content.get("Raw"):
        return _raw(asked, raw, tags, silent=silent)
    to = _to(asked)
    shown = {"From": _sender(asked), "To": to, **_reply_to(asked)}
    if template := content.get("Template"):
        letter = _template(template, shown)
        return _templated(to, letter, _data(template.get("TemplateData")), {}, tags, silent=silent)
    simple = content.get("Simple")
    if not simple:
        raise _wrong("Content must have one of Simple, Raw and Template.")
    body = simple.get("Body") or {}
    letter = Whole(_piece(simple.get("Subject")) or "", _piece(body.get("Html")), _piece(body.get("Text")), shown | _headers(simple))
    return Entry(address_in(to), letter, tags, silent=silent)


def _raw(asked: Mapping[str, Any], raw: Mapping[str, Any], tags: Mapping[str, str], *, silent: bool) -> Entry:
    data = raw.get("Data") or ""
    if len(data) > _MOST_BYTES:
        raise _wrong("Message length is more than 41943040 bytes long.")
    try:
        mime = b64decode(data, validate=True)
    except ValueError:
        raise Refusal(_said(400, "SerializationException", "Data is not base64.")) from None
    if not asked.get("FromEmailAddress") and not header_of(mime, "From"):
        raise _wrong("Missing required header 'From'.")
    to = _to(asked) if (asked.get("Destination") or {}).get("ToAddresses") else header_of(mime, "To") or ""
    if not plausible(address_in(to)):
        raise _wrong("Missing required header 'To'.")
    return Entry(address_in(to), Raw(mime), tags, silent=silent)


def _bulk(asked: Mapping[str, Any]) -> Iterator[Entry]:
    entries = asked.get("BulkEmailEntries") or ()
    if not 0 < len(entries) <= _MOST_ENTRIES:
        raise _wrong(f"The number of destinations is not from 1 to {_MOST_ENTRIES}.")
    template = (asked.get("DefaultContent") or {}).get("Template") or {}
    letter = _template(template, {"From": _sender(asked), **_reply_to(asked)})
    default, tags = _data(template.get("TemplateData")), _tags(asked.get("DefaultEmailTags"))
    silent = not asked.get("ConfigurationSetName")
    for entry in entries:
        replacement = ((entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}).get("ReplacementTemplateData")
        try:
            own = tags | _tags(entry.get("ReplacementTags"))
            values = default | _data(replacement)
            headers = _listed_headers(entry.get("ReplacementHeaders"))
            yield _templated(_to(entry), letter, values, headers, own, silent=silent)
        except Refusal as refusal:
            fault = str(orjson.loads(refusal.reply.body)["message"])
            yield Entry("", letter, {}, fault=fault)


def _templated(
    to: str, letter: Whole, values: Mapping[str, object], headers: Mapping[str, str], tags: Mapping[str, str], *, silent: bool
) -> Entry:
    """A message from a template; one that cannot be rendered is accepted and lost ("Rendering Failure")."""
    content: Content = Templated(letter, values, handlebars, {"To": to, **headers})
    return Entry(address_in(to), content, tags, lost=unrenderable(letter, values), silent=silent)


def _template(template: Mapping[str, Any], shown: Mapping[str, str]) -> Whole:
    content = template.get("TemplateContent")
    if not content:
        raise Refusal(_said(404, "NotFoundException", "The simulator keeps no stored templates; give TemplateContent."))
    if len(orjson.dumps(content)) > _MOST_TEMPLATE_BYTES:
        raise _wrong("The template is longer than 1 MB.")
    if not content.get("Subject") or not (content.get("Html") or content.get("Text")):
        raise _wrong("The template needs a subject, and HTML or text.")
    return Whole(content["Subject"], content.get("Html"), content.get("Text"), {**shown, **_headers(template)})


def _data(text: object) -> dict[str, object]:
    if text is None:
        return {}
    if not isinstance(text, str) or len(text) > _MOST_DATA:
        raise _wrong(f"Template data is longer than {_MOST_DATA} characters.")
    try:
        read = orjson.loads(text)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise _wrong("Template data is no JSON object.")
    return read


def _sender(asked: Mapping[str, Any]) -> str:
    sender = str(asked.get("FromEmailAddress") or "")
    if not plausible(address_in(sender)):
        raise _wrong("FromEmailAddress is missing or no address.")
    return sender


def _to(asked: Mapping[str, Any]) -> str:
    addresses = (asked.get("Destination") or {}).get("ToAddresses") or ()
    to = str(next(iter(addresses), ""))
    if len(addresses) != 1 or not plausible(address_in(to)):
        raise _wrong("The simulator takes exactly one valid address in Destination.ToAddresses.")
    return to


def _reply_to(asked: Mapping[str, Any]) -> dict[str, str]:
    return {"Reply-To": ", ".join(asked["ReplyToAddresses"])} if asked.get("ReplyToAddresses") else {}


def _piece(content: Mapping[str, Any] | None) -> str | None:
    return None if content is None else str(content.get("Data", ""))


def _headers(content: Mapping[str, Any]) -> dict[str, str]:
    return _listed_headers(content.get("Headers"))


def _listed_headers(headers: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    listed = {header["Name"]: header["Value"] for header in headers or ()}
    if len(headers or ()) > _MOST_HEADERS:
        raise _wrong(f"There are more than {_MOST_HEADERS} headers.")
    if not all(_HEADER_NAME.match(name) and _HEADER_VALUE.match(value) for name, value in listed.items()):
        raise _wrong("A header's name or value is too long or not printable ASCII.")
    return listed


def _tags(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    read = {tag["Name"]: tag["Value"] for tag in tags or ()}
    if len(tags or ()) > _MOST_TAGS or not all(_TAG.match(name) and _TAG.match(value) for name, value in read.items()):
        raise _wrong("Tags are up to 50 pairs of 1 to 256 of the characters A-Z, a-z, 0-9, _ and -.")
    return read
