"""Each provider's calls, field by field, and what its answers amount to. `tests/delivery/providers.py` holds the addresses."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import HTTP
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.answers import Accepted, Rejected, Retry, Unknown
from delivery.esp.http_answers import reset_after, retry_after
from delivery.esp.parts import parts_of
from delivery.esp.provider import Failure, Outcome, Provider, Request, Response
from delivery.esp.reasons import reason_of
from domain.ids import idempotency_key_of
from domain.message import Letter
from tests.delivery.letters import letter, letters
from tests.delivery.providers import KEY, KNOWN, SAID, Said, provider, response
from tests.delivery.test_esp_parts import printed

ALL = sorted(KNOWN)
MIME = printed(
    'Grüße {% & "news"',
    "Plain {{ text }} – ünïcode\n",
    '<p class="a">HTML &amp; «ünïcode» {{ x }}</p>',
    'Zoë "Z" Shop',
    reply="care@shop.example",
)
LETTER = letter(1, mime=MIME)
PARTS = parts_of(LETTER)
ID = LETTER.message_id
UUID_KEY = idempotency_key_of([(ID, LETTER.payload_hash)])
LIST_HEADERS = {
    "List-Unsubscribe": "<https://l.example/u/token>",
    "List-Id": '"T" <news.shop.example>',
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "Feedback-ID": "news-1:news:letter:shopexample",
}
WITH_ID = {"Message-ID": "<0123456789abcdef0123456789abcdef@shop.example>", **LIST_HEADERS}
SENDER = '"Zoë \\"Z\\" Shop" <news@shop.example>'


def as_json(request: Request) -> Any:
    """The body of a JSON call."""
    assert request.headers["Content-Type"] == "application/json"
    return orjson.loads(request.body)


def as_form(request: Request) -> dict[str, bytes]:
    """The fields of a multipart/form-data call, read by the standard library."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + request.body, policy=HTTP.clone(cte_type="8bit")).get_payload()
    assert isinstance(parts, list)
    sections = request.body.split(b"--form-" + ID.encode())[1:-1]
    names = [part.get_param("name", header="content-disposition") for part in parts]  # type: ignore[union-attr]
    return {str(name): section.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for name, section in zip(names, sections, strict=True)}


EXPECTED: dict[str, tuple[str, dict[str, str], Callable[[Request], Any], Any]] = {
    "brevo": (
        "/v3/smtp/email",
        {"api-key": KEY},
        as_json,
        {
            "sender": {"email": "news@shop.example", "name": 'Zoë "Z" Shop'},
            "subject": "-",
            "htmlContent": "<p></p>",
            "textContent": "-",
            "headers": {"idempotencyKey": str(UUID(UUID_KEY, version=4))},
            "messageVersions": [
                {
                    "to": [{"email": "r1@example.org"}],
                    "subject": 'Grüße {{ params.letterpress_b }} & "news"',
                    "htmlContent": '<p class="a">HTML &amp; «ünïcode» {{ params.letterpress_a }} x }}</p>',
                    "textContent": "Plain {{ params.letterpress_a }} text }} – ünïcode\n",
                    "headers": {**LIST_HEADERS, "X-Mailin-custom": f'{{"letterpress_message":"{ID}"}}'},
                    "params": {"letterpress_a": "{{", "letterpress_b": "{%", "letterpress_c": "{#"},
                    "replyTo": {"email": "care@shop.example"},
                }
            ],
        },
    ),
    "mailgun": (
        "/v3/news.shop.example/messages.mime",
        {"Authorization": f"Basic {b64encode(f'api:{KEY}'.encode()).decode()}"},
        as_form,
        {
            "to": b"r1@example.org",
            "o:tracking": b"no",
            "o:tracking-clicks": b"no",
            "o:tracking-opens": b"no",
            "v:letterpress_message": ID.encode(),
            "message": MIME,
        },
    ),
    "mailjet": (
        "/v3.1/send",
        {"Authorization": f"Basic {b64encode(f'public:{KEY}'.encode()).decode()}"},
        as_json,
        {
            "Messages": [
                {
                    "From": {"Email": "news@shop.example", "Name": 'Zoë "Z" Shop'},
                    "To": [{"Email": "r1@example.org"}],
                    "ReplyTo": {"Email": "care@shop.example"},
                    "Subject": PARTS.subject,
                    "TextPart": PARTS.text,
                    "HTMLPart": PARTS.html,
                    "Headers": {name: value for name, value in LIST_HEADERS.items() if name != "List-Id"},
                    "CustomID": ID,
                    "TrackOpens": "disabled",
                    "TrackClicks": "disabled",
                }
            ]
        },
    ),
    "postmark": (
        "/email/batch",
        {"X-Postmark-Server-Token": KEY},
        as_json,
        [
            {
                "From": SENDER,
                "To": "r1@example.org",
                "ReplyTo": "care@shop.example",
                "Subject": PARTS.subject,
                "TextBody": PARTS.text,
                "HtmlBody": PARTS.html,
                "Headers": [*({"Name": n, "Value": v} for n, v in WITH_ID.items()), {"Name": "X-PM-KeepID", "Value": "true"}],
                "Metadata": {"letterpress_message": ID},
                "TrackOpens": False,
                "TrackLinks": "None",
                "MessageStream": "news",
            }
        ],
    ),
    "resend": (
        "/emails/batch",
        {"Authorization": f"Bearer {KEY}", "Idempotency-Key": UUID_KEY, "x-batch-validation": "permissive"},
        as_json,
        [
            {
                "from": SENDER,
                "to": ["r1@example.org"],
                "reply_to": "care@shop.example",
                "subject": PARTS.subject,
                "text": PARTS.text,
                "html": PARTS.html,
                "headers": LIST_HEADERS,
                "tags": [{"name": "letterpress_message", "value": ID}],
            }
        ],
    ),
    "sendgrid": (
        "/v3/mail/send",
        {"Authorization": f"Bearer {KEY}"},
        as_json,
        {
            "personalizations": [{"to": [{"email": "r1@example.org"}], "custom_args": {"letterpress_message": ID}}],
            "from": {"email": "news@shop.example", "name": 'Zoë "Z" Shop'},
            "reply_to": {"email": "care@shop.example"},
            "subject": PARTS.subject,
            "content": [{"type": "text/plain", "value": PARTS.text}, {"type": "text/html", "value": PARTS.html}],
            "headers": WITH_ID,
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
                "ganalytics": {"enable": False},
            },
        },
    ),
    "ses": (
        "/v2/email/outbound-emails",
        {},
        as_json,
        {
            "Destination": {"ToAddresses": ["r1@example.org"]},
            "Content": {"Raw": {"Data": b64encode(MIME).decode()}},
            "EmailTags": [{"Name": "letterpress_message", "Value": ID}],
            "ConfigurationSetName": "letterpress",
        },
    ),
    "sparkpost": (
        "/api/v1/transmissions",
        {"Authorization": KEY, "Idempotency-Key": UUID_KEY},
        as_json,
        {
            "options": {
                "open_tracking": False,
                "initial_open": False,
                "click_tracking": False,
                "transactional": False,
                "perform_substitutions": False,
            },
            "recipients": [{"address": {"email": "r1@example.org"}, "metadata": {"letterpress_message": ID}}],
            "content": {"email_rfc822": MIME.decode()},
        },
    ),
}


@pytest.mark.parametrize("scheme", ALL)
def test_a_call_says_exactly_this(scheme: str) -> None:
    """Path, headers and every field of the body: nothing more, nothing personal beside address and letter, tracking off."""
    target, headers, read, body = EXPECTED[scheme]
    request = provider(scheme).build([LETTER])
    assert (request.method, request.target) == ("POST", target)
    assert {name: request.headers.get(name) for name in headers} == headers
    assert read(request) == body


@pytest.mark.parametrize("scheme", ALL)
def test_secrets_travel_in_headers_only_and_are_not_shown(scheme: str) -> None:
    """The key is in no path, no body, no name and no repr."""
    known = provider(scheme)
    request = known.build([LETTER])
    assert KEY.encode() not in request.body
    assert KEY not in request.target + known.name + repr(known) + repr(request)


@given(st.text(max_size=60), st.text(max_size=300), st.text(max_size=300), st.text(max_size=40))
def test_what_json_says_is_what_the_letter_says(subject: str, text: str, html: str, name: str) -> None:
    """Subject, text and HTML reach each API that wants them exactly as they were printed, whatever they hold."""
    one = letter(1, mime=printed(subject, text, html, name))
    parts = parts_of(one)
    sent: dict[str, tuple[Any, str, str, str]] = {
        "postmark": (as_json(provider("postmark").build([one]))[0], "Subject", "TextBody", "HtmlBody"),
        "resend": (as_json(provider("resend").build([one]))[0], "subject", "text", "html"),
        "mailjet": (as_json(provider("mailjet").build([one]))["Messages"][0], "Subject", "TextPart", "HTMLPart"),
    }
    for message, *fields in sent.values():
        assert [message.get(field, "") for field in fields] == [parts.subject, parts.text, parts.html]
    version = as_json(provider("brevo").build([one]))["messageVersions"][0]
    printed_by_brevo = [_brevo_prints(version.get(field, ""), version) for field in ("subject", "textContent", "htmlContent")]
    assert printed_by_brevo == [parts.subject, parts.text, parts.html]


def _brevo_prints(text: str, version: dict[str, Any]) -> str:
    return re.sub(r"\{\{ params\.(\w+) \}\}", lambda found: version["params"][found[1]], text)


@given(st.text(max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_sparkpost_substitutes_nothing_in_headers(subject: str, name: str, title: str) -> None:
    """With `{{` in a header its text comes from a value; what SparkPost prints reads as the letter does. Bodies are the very bytes."""
    for braces in ("", "{{", "{{ x }}"):
        one = letter(1, mime=printed(subject + braces, "t {{ x }}", "h", name + braces + "ü" * len(braces), title=title + braces))
        call = as_json(provider("sparkpost").build([one]))
        mime, values = call["content"]["email_rfc822"].encode(), call["recipients"][0].get("substitution_data", {})
        assert (b"letterpress_braces" in mime) <= ("letterpress_braces" in values)
        for header in ("Subject", "From", "List-Id", "To", "List-Unsubscribe", "Message-ID"):
            assert _sparkpost_prints(_header(mime, header), values) == _header(one.mime, header)
        assert mime.partition(b"\r\n\r\n")[2] == one.mime.partition(b"\r\n\r\n")[2]


def _sparkpost_prints(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text) if values else text


def _header(mime: bytes, name: str) -> str:
    return str(make_header(decode_header(message_from_bytes(mime)[name])))


@pytest.mark.parametrize("said", SAID, ids=str)
def test_each_thing_said_has_its_answer(said: Said) -> None:
    """What the provider documents, about one letter."""
    assert provider(said.scheme).classify([LETTER], said.response) == (said.answer_to(LETTER),)


def test_answers_are_told_apart_within_a_call() -> None:
    """Taken, refused for good and refused for now, in one call."""
    batch = list(letters(3))
    postmark = [{"ErrorCode": 0, "MessageID": "a"}, {"ErrorCode": 300, "Message": "Invalid"}, {"ErrorCode": 429, "Message": "Slow"}]
    resend = {"data": [{"id": "a"}, {"id": "c"}], "errors": [{"index": 1, "message": "Invalid"}]}
    mailjet = {
        "Messages": [
            {"Status": "success"},
            {"Status": "error", "Errors": [{"StatusCode": 400}]},
            {"Status": "error", "Errors": [{"StatusCode": 429}]},
        ]
    }
    for scheme, said, expected in (
        ("postmark", (200, postmark), [Accepted, Rejected, Retry]),
        ("resend", (200, resend), [Accepted, Rejected, Accepted]),
        ("mailjet", (400, mailjet), [Accepted, Rejected, Retry]),
    ):
        given = provider(scheme).classify(batch, Response(said[0], {}, orjson.dumps(said[1])))
        assert [type(answer) for answer in given] == expected
    assert provider("resend").classify(batch, Response(200, {}, orjson.dumps(resend)))[2] == Accepted(batch[2].message_id, "c")


WORDS = st.sampled_from(sorted(set(re.findall(r"[A-Za-z_]{2,}", str([said.body for said in SAID])))))
LEAVES = st.none() | st.booleans() | st.integers(-5, 500) | st.floats(allow_nan=False) | st.text(max_size=12) | WORDS
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12)
PAGES = st.sampled_from(
    [b"", b"<html>502 Bad Gateway</html>", b"\xff\xfe", b"{", b"[", b"null", b'"', b"[{}]", b'{"Messages":[{}]}', b"[" * 5_000]
)
STATUSES = st.sampled_from([200, 201, 202, 204, 206, 302, 400, 401, 403, 404, 408, 409, 413, 420, 422, 429, 500, 503, 504]) | st.integers(
    0, 999
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "x-ratelimit-reset", "x-sib-ratelimit-reset", "x-message-id", "x-amzn-errortype"]),
    st.text(max_size=30),
)
LEAK = f"could not send to {LETTER.address} with key {KEY} ({LETTER.address})"


@given(st.sampled_from(ALL), st.integers(1, 4), STATUSES, HEADERS, JSON.map(orjson.dumps) | PAGES | st.binary(max_size=60))
def test_any_answer_is_an_answer_for_each_letter(scheme: str, count: int, status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever comes back, each letter has exactly one answer, in order, and only clear ones say that it was taken."""
    batch = list(letters(1 if KNOWN[scheme].one_by_one else count))
    given_answers = provider(scheme).classify(batch, Response(status, headers, body))
    assert [answer.message_id for answer in given_answers] == [one.message_id for one in batch]
    for answer in given_answers:
        assert not isinstance(answer, Accepted) or status // 100 == 2 or scheme in ("mailjet", "brevo")
        assert not isinstance(answer, (Rejected, Retry)) or status < 500
        assert not isinstance(answer, Retry) or answer.after is None or 0 <= answer.after <= 3600
        assert isinstance(answer, Accepted) or (len(answer.reason) < 200 and answer.reason.isprintable())


@given(st.sampled_from(ALL), st.integers(1, 4), st.data())
def test_a_yes_that_is_cut_short_never_raises(scheme: str, count: int, data: st.DataObject) -> None:
    """Half a yes is a yes where the status speaks for all, and otherwise unknown."""
    batch = list(letters(1 if KNOWN[scheme].one_by_one else count))
    yes = response(KNOWN[scheme].yes(batch))
    half = replace(yes, body=yes.body[: data.draw(st.integers(0, max(0, len(yes.body) - 1)))])
    given_answers = provider(scheme).classify(batch, half)
    assert {type(answer) for answer in given_answers} <= {Accepted, Unknown}
    assert len(given_answers) == len(batch)


@given(
    st.sampled_from(ALL),
    STATUSES,
    st.sampled_from(["message", "Message", "ErrorMessage", "code", "name", "description"]),
    st.text(max_size=20),
)
def test_reasons_hold_no_address_and_no_secret(scheme: str, status: int, field: str, around: str) -> None:
    """Even where the provider repeats both to us."""
    said = {field: around + LEAK + around}
    shapes: list[Any] = [
        said,
        [said],
        {"errors": [said]},
        {"Messages": [{"Status": "error", "Errors": [said]}]},
        {"data": [], "errors": [{"index": 0, **said}]},
    ]
    shapes.append([{"ErrorCode": 300, **said}])
    for shape in shapes:
        (answer,) = provider(scheme).classify([LETTER], Response(status, {"x-amzn-errortype": LEAK}, orjson.dumps(shape)))
        text = "" if isinstance(answer, Accepted) else answer.reason
        assert KEY not in text
        assert LETTER.address not in text
        assert "example.org" not in text


@pytest.mark.parametrize("scheme", ALL)
@pytest.mark.parametrize(("complete", "kind"), [(True, Unknown), (False, Retry)])
def test_no_answer_is_in_doubt_only_if_all_had_left(scheme: str, complete: bool, kind: type) -> None:
    """The line between given back and unknown."""
    outcome: Outcome = Failure(complete, "time ran out")
    (answer,) = provider(scheme).classify([LETTER], outcome)
    assert isinstance(answer, kind)


def keyed(known: Provider, batch: Sequence[Letter]) -> str:
    """The idempotency key of a call."""
    request = known.build(batch)
    return request.headers.get("Idempotency-Key") or str(orjson.loads(request.body)["headers"]["idempotencyKey"])


@pytest.mark.parametrize("scheme", sorted(scheme for scheme, known in KNOWN.items() if known.remembers))
def test_a_key_is_of_these_letters_and_no_others(scheme: str) -> None:
    """The same letters, the same key and bytes; another letter, or another byte in one, another key."""
    known = provider(scheme)
    batch = [letter(1)] if KNOWN[scheme].one_by_one else list(letters(3))
    changed = [replace(batch[0], payload_hash="0" * 32), *batch[1:]]
    assert known.build(batch).body == known.build(list(batch)).body
    assert keyed(known, batch) == keyed(known, list(batch))
    assert keyed(known, changed) != keyed(known, batch)
    assert keyed(known, [letter(9), *batch[1:]]) != keyed(known, batch)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,255}", keyed(known, batch))  # what the narrowest of them allows


def test_the_key_does_not_depend_on_order() -> None:
    """A call is a set of letters; two letters' hashes cannot be exchanged for one another."""
    one, two = letter(1), letter(2)
    pairs = [(one.message_id, one.payload_hash), (two.message_id, two.payload_hash)]
    crossed = [(one.message_id, two.payload_hash), (two.message_id, one.payload_hash)]
    assert idempotency_key_of(pairs) == idempotency_key_of(pairs[::-1])
    assert idempotency_key_of(pairs) != idempotency_key_of(crossed)
    assert idempotency_key_of(pairs[:1]) != idempotency_key_of(pairs)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Mon, 23 Nov 2026 09:00:30 GMT", "date": "Mon, 23 Nov 2026 09:00:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 08:00:00 GMT", "date": "Mon, 23 Nov 2026 09:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 09:00:30 GMT"}, None),
        ({"retry-after": "999999"}, 3600.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e9"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """As RFC 9110 has it, and never longer than an hour; a date counts from the answer's own."""
    assert retry_after(Response(429, headers, b"")) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_header_is_a_wait_or_none(value: str, date: str) -> None:
    """Nonsense in a header is no wait."""
    answer = Response(429, {"retry-after": value, "x-ratelimit-reset": value, "date": date}, b"")
    for seconds in (retry_after(answer), reset_after(answer, "x-ratelimit-reset")):
        assert seconds is None or 0 <= seconds <= 3600


@given(st.text(max_size=300), st.emails(), st.text(max_size=300))
def test_a_reason_is_short_plain_and_impersonal(before: str, address: str, after: str) -> None:
    """No address, whatever surrounds it; ASCII of bounded length."""
    reason = reason_of(550, f"{before} {address} {after}")
    assert address not in reason
    assert "@" not in reason
    assert len(reason) <= 120
    assert reason.replace("…", "").isascii()


def test_ses_gets_the_very_bytes() -> None:
    """Base64 of the letter, nothing rewritten."""
    assert b64decode(as_json(provider("ses").build([LETTER]))["Content"]["Raw"]["Data"]) == LETTER.mime
