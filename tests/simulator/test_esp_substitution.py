"""The simulated ESP: what each provider puts in the place of placeholders."""

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.esp.contents import Whole
from simulator.esp.handle import SimulatedEsp
from simulator.esp.substitution import Unrenderable, brevo, exact, handlebars, percent, sparkpost, sparkpost_headers
from tests.simulator import esp_calls as calls
from tests.simulator.esp_calls import address, name

HARD = 'O\'Neil & <b>"Söhne"</b> {{x}} %recipient.x% -y- 100 % \\1 \U0001f600'


def _letter(piece: str) -> Whole:
    return Whole(piece, piece, piece, {"X-Own": piece})


def test_sendgrid() -> None:
    """SendGrid replaces plain strings in subject, HTML and text with no escaping, and leaves headers alone."""
    done = exact(_letter("Hi -a-, -b-, -a-!"), {"-a-": HARD, "-b-": ""})
    want = f"Hi {HARD}, , {HARD}!"
    assert (done.subject, done.html, done.text, done.headers["X-Own"]) == (want, want, want, "Hi -a-, -b-, -a-!")


def test_sendgrid_substitutes_in_values() -> None:
    """A value that holds a tag which comes later is substituted again, and the message carries a note."""
    done = exact(_letter("-a-"), {"-a-": "about -b-", "-b-": "it"})
    assert (done.subject, done.notes) == ("about it", ("a value holds a placeholder",))


TAGS = st.sampled_from(["-a-", "-ab-", "-b-", "{n}", "a", "--", "n}-"])
PIECES = st.lists(st.one_of(TAGS, st.text("-ab{n}x ", max_size=4)), max_size=12).map("".join)


@given(piece=PIECES, values=st.dictionaries(TAGS, st.text("-ab{n}xyz é", max_size=5), max_size=4))
def test_sendgrid_is_one_replacement_after_the_other(piece: str, values: dict[str, str]) -> None:
    """However the template is cut, the result is that of replacing tag after tag in the order in which they were given."""
    want = piece
    for tag, value in values.items():
        want = want.replace(tag, value)
    assert exact(_letter(piece), values).html == want


def test_mailgun() -> None:
    """Mailgun replaces %recipient.name% everywhere, headers too, with no escaping; names it does not know stay."""
    done = percent(_letter("%recipient.a% %recipient.b% %recipient% 5%"), {"a": "O'Neil & <b>"})
    assert {done.subject, done.html, done.headers["X-Own"]} == {"O'Neil & <b> %recipient.b% %recipient% 5%"}
    again = percent(_letter("%recipient.a%"), {"a": "%recipient.b%", "b": "twice"})
    assert (again.subject, again.notes) == ("twice", ("a value holds a placeholder",))


def test_ses() -> None:
    """SES puts values in without escaping HTML, follows paths, and never looks through a value again."""
    done = handlebars(_letter("{{a}}|{{ b.c }}|{{{a}}}|{ {a} }"), {"a": HARD, "b": {"c": 5}})
    assert done.html == f"{HARD}|5|{HARD}|{{ {{a}} }}"


def test_ses_needs_every_value() -> None:
    """At SES a name without a value is a rendering failure."""
    with pytest.raises(Unrenderable, match="'missing'"):
        handlebars(_letter("{{a}} {{missing}}"), {"a": ""})


@pytest.mark.parametrize(
    ("template", "html", "text"),
    [
        ("{{custom_html}}", "&lt;b&gt;Hello, World&lt;&#x2F;b&gt;", "<b>Hello, World</b>"),
        ("{{{custom_html}}}", "<b>Hello, World</b>", "<b>Hello, World</b>"),
        ("* {{nothing}}{{none}}.", "* .", "* ."),
        ("Hello {{ none or 'Customer' }}", "Hello Customer", "Hello Customer"),
        ("{{ opening_double_curly() }}x{{closing_triple_curly()}}", "{{x}}}", "{{x}}}"),
        (
            "https://company.com/?user={{user}}&o={{offer}} {{offer}}",
            *["https://company.com/?user=john&o=Daily%20Deal%21 Daily Deal!"] * 2,
        ),
        ('<a href="https://{{{host}}}/{{offer}}">', *['<a href="https://www.company.com/a/Daily%20Deal%21">'] * 2),
        ("{{nested.deep}} {{number}} {{yes}}", "1 2.5 true", "1 2.5 true"),
    ],
)
def test_sparkpost(template: str, html: str, text: str) -> None:
    """SparkPost escapes in HTML, percent-encodes in links, and does neither in text nor between three braces."""
    values = {"custom_html": "<b>Hello, World</b>", "none": None, "user": "john", "offer": "Daily Deal!", "host": "www.company.com/a"}
    done = sparkpost(_letter(template), values | {"nested": {"deep": 1}, "number": 2.5, "yes": True})
    assert (done.html, done.text) == (html, text)


def test_sparkpost_reads_headers_always() -> None:
    """With substitutions off SparkPost reads headers and subject all the same, and leaves the bodies."""
    done = sparkpost_headers(_letter("{{a}}"), {"a": "<b>"})
    assert (done.subject, done.headers["X-Own"], done.html, done.text) == ("<b>", "<b>", "{{a}}", "{{a}}")


def test_brevo() -> None:
    """Brevo puts params in without escaping; what it would read as a directive does not survive."""
    done = brevo(_letter("{{ params.a }}{{params.none}}{% if x %}-{# no #}"), {"a": HARD})
    assert done.html == f"{HARD}-"


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), st.text(max_size=20), min_size=1, max_size=4))
def test_values_arrive_as_they_are(values: dict[str, str]) -> None:
    """Where escaping is off and no value looks like a placeholder, what arrives is the value, whatever its characters."""
    plain = {key: re.sub(r"%recipient|[\x00]", "", value) for key, value in values.items()}
    marks = "".join(f"[{{{{{{{key}}}}}}}]" for key in plain)
    want = "".join(f"[{value}]" for value in plain.values())
    assert {handlebars(_letter(marks), plain).html, sparkpost(_letter(marks), plain).html} == {want}
    assert percent(_letter("".join(f"[%recipient.{key}%]" for key in plain)), plain).html == want


def test_in_the_letters_that_arrive(esp: SimulatedEsp) -> None:
    """The substitution of each provider is in the letters that the simulated ESP holds."""
    one = {"to": [{"email": address(1)}], "substitutions": {"-n-": "A&B"}, "custom_args": {"message_id": name(1)}}
    calls.sendgrid(personalizations=[one], subject="-n-", content=[{"type": "text/html", "value": "<i>-n-</i>"}]).to(esp.url)
    variables = orjson.dumps({address(1): {"n": "A&B", "id": name(1)}}).decode()
    calls.mailgun(subject="%recipient.n%", html="<i>%recipient.n%</i>", **{"recipient-variables": variables}).to(esp.url)
    entry = {"Destination": {"ToAddresses": [address(1)]}}
    entry |= {"ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": '{"n": "A&B"}'}}}
    texts = {"Subject": "{{n}}", "Html": "<i>{{n}}</i>"}
    template = {"TemplateContent": texts, "TemplateData": '{"n": "default"}'}
    calls.ses_bulk(BulkEmailEntries=[entry], DefaultContent={"Template": template}).to(esp.url)
    recipients = [{"address": address(1), "substitution_data": {"n": "A&B"}}]
    content = {"from": calls.SENDER, "subject": "{{n}}", "html": "<i>{{{n}}}</i>"}
    calls.in_json("/api/v1/transmissions", {"recipients": recipients, "content": content}, authorization="k").to(esp.url)
    versions = [{"to": [{"email": address(1)}], "params": {"n": "A&B"}}]
    calls.brevo(messageVersions=versions, subject="{{params.n}}", htmlContent="<i>{{params.n}}</i>").to(esp.url)
    held = esp.messages()
    assert {one.provider for one in held} == {"sendgrid", "mailgun", "ses", "sparkpost", "brevo"}
    assert {(one.subject, one.html) for one in held} == {("A&B", "<i>A&B</i>")}


def test_sparkpost_mime(esp: SimulatedEsp) -> None:
    """MIME with an expression in an encoded header has it put in; MIME without one arrives to the byte."""
    plain = b"From: a@shop.example\r\nSubject: =?utf-8?b?w6Q=?=\r\n\r\n{{not read}}\r\n"
    expression = b"From: a@shop.example\r\nSubject: =?utf-8?b?w6Qge3tufX0=?=\r\n\r\n{{not read}}\r\n"  # ä {{n}}
    for mime in (plain, expression):
        recipients = [{"address": address(1), "substitution_data": {"n": "done"}}]
        asked = {"options": {"perform_substitutions": False}, "recipients": recipients, "content": {"email_rfc822": mime.decode()}}
        calls.in_json("/api/v1/transmissions", asked, authorization="k").to(esp.url)
    first, second = esp.messages()
    assert (first.mime, first.subject) == (plain, "ä")
    assert (second.mime, second.subject, (second.text or "").strip()) == (None, "ä done", "{{not read}}")


def test_ses_rendering_failure(esp: SimulatedEsp) -> None:
    """An entry that cannot be rendered is accepted by SES and never arrives."""
    texts = {"Subject": "{{n}}", "Text": "t"}
    answer = calls.ses_bulk((1,), DefaultContent={"Template": {"TemplateContent": texts}}).to(esp.url)
    assert answer.json()["BulkEmailEntryResults"][0]["Status"] == "SUCCESS"
    [held] = esp.messages()
    assert (held.lost, held.subject) == ("rendering failure: attribute 'n' is not present in the rendering data", None)
