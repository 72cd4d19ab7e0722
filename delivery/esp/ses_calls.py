"""What SES is told of letters, one or many, and what it says of each: the documents of SendEmail and SendBulkEmail. Pure.

SES gives every message a Message-ID and a date of its own ("Header fields"), so a bulk call leaves ours out.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence

import orjson

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.bodies import items, own_id, words
from delivery.esp.http_answers import all_unknown
from delivery.esp.parts import given, mailbox
from delivery.esp.provider import OUR_ID
from delivery.esp.reasons import reason_of
from delivery.esp.shared_body import Template
from delivery.mime import header_text
from domain.message import Form, Letter

UNVERIFIED = "not verified"  # told as MessageRejected: of the sender, or in the sandbox of anybody
_LONGEST_HEADER = 995  # characters of name and value together ("MessageHeader")
_NOT_OURS = "message-id"

# Statuses of entries ("BulkEmailEntryResult"; some are spelled in two ways). Those not named here leave it open.
_CAUSES: Mapping[str, Cause] = {
    "ACCOUNT_THROTTLED": Cause.THROTTLED,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": Cause.THROTTLED,
    "TRANSIENT_FAILURE": Cause.MESSAGE,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": Cause.UNREACHABLE,
    "CONFIGURATION_SET_NOT_FOUND": Cause.UNREACHABLE,
    "CONFIGURATION_SET_DOES_NOT_EXIST": Cause.UNREACHABLE,
    "CONFIGURATION_SET_SENDING_PAUSED": Cause.UNREACHABLE,
    "TEMPLATE_NOT_FOUND": Cause.UNREACHABLE,
    "TEMPLATE_DOES_NOT_EXIST": Cause.UNREACHABLE,
    "ACCOUNT_SUSPENDED": Cause.UNREACHABLE,
    "ACCOUNT_SENDING_PAUSED": Cause.UNREACHABLE,
    "INVALID_SENDING_POOL_NAME": Cause.UNREACHABLE,
}
_REFUSALS = frozenset({"MESSAGE_REJECTED", "INVALID_PARAMETER", "INVALID_PARAMETER_VALUE", "FAILED"})


def whole(letter: Letter) -> dict[str, object]:
    """SendEmail: one letter's bytes."""
    return {
        "Destination": {"ToAddresses": [letter.address]},
        "Content": {"Raw": {"Data": b64encode(letter.mime).decode()}},
        "EmailTags": _tags(letter),
    }


def shared(batch: Sequence[Letter], form: Form, template: Template) -> dict[str, object]:
    """SendBulkEmail: an inline template, and each entry's values, tag and headers."""
    content = given(Subject=template.subject, Text=template.text, Html=template.html)
    constant = [(name, value.texts[0]) for name, value in form.headers if not value.blanks]
    message: dict[str, object] = {
        "FromEmailAddress": _sender(form),
        "DefaultContent": {"Template": {"TemplateContent": content, "TemplateData": "{}", "Headers": _listed(constant)}},
        "BulkEmailEntries": [_entry(letter, form, template) for letter in batch],
    }
    return message | ({"ReplyToAddresses": [form.reply_to]} if form.reply_to else {})


def headers_of(form: Form, letter: Letter) -> Iterator[tuple[str, str]]:
    """The headers that a letter brings along in a bulk call."""
    return ((name, value.filled(letter.fillings)) for name, value in form.headers if name.lower() != _NOT_OURS)


def takes(header: tuple[str, str]) -> bool:
    """Whether a header can be given apart from a letter's bytes."""
    name, value = header
    return bool(value) and len(name) + len(value) <= _LONGEST_HEADER and value.isascii() and value.isprintable()


def results(batch: Sequence[Letter], told: object) -> tuple[Answer, ...]:
    """An answer for each entry, which are told in the order of the call."""
    entries = items(told, "BulkEmailEntryResults")
    if len(entries) != len(batch):
        return all_unknown(batch, "the answer does not list the letters of the call")
    return tuple(_result(letter, entry) for letter, entry in zip(batch, entries, strict=True))


def _entry(letter: Letter, form: Form, template: Template) -> dict[str, object]:
    own = [(name, value.filled(letter.fillings)) for name, value in form.headers if value.blanks]
    data = orjson.dumps(template.values(letter)).decode()
    return {
        "Destination": {"ToAddresses": [letter.address]},
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
        "ReplacementHeaders": _listed(own),
        "ReplacementTags": _tags(letter),
    }


def _listed(headers: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in headers if name.lower() != _NOT_OURS]


def _tags(letter: Letter) -> list[dict[str, str]]:
    return [{"Name": OUR_ID, "Value": letter.message_id}]


def _sender(form: Form) -> str:
    """Name and address; a name beyond ASCII in encoded words, as "SendEmail" asks for."""
    if form.from_name.isascii():
        return mailbox(form.from_name, form.from_address)
    return f"{header_text(form.from_name)} <{form.from_address}>".replace("\r\n ", " ")


def _result(letter: Letter, entry: object) -> Answer:
    status, error = words(entry, "Status"), words(entry, "Error")
    if status == "SUCCESS":
        return Accepted(letter.message_id, own_id(entry, "MessageId"))
    reason = reason_of(status, error)
    if UNVERIFIED in error:
        return Retry(letter.message_id, reason, cause=Cause.UNREACHABLE)
    if cause := _CAUSES.get(status):
        return Retry(letter.message_id, reason, cause=cause)
    if status in _REFUSALS:
        return Rejected(letter.message_id, reason)
    return Unknown(letter.message_id, f"the answer leaves open whether it was taken: {reason}".rstrip())
