"""Batches by body, over HTTP to the simulated ESPs: what arrives is the letter, in a batch as by itself, to the character."""

from collections.abc import Iterator, Mapping, Sequence
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from delivery.answers import Accepted, Answer, Cause, Retry, Unknown
from delivery.compile import compile_campaign
from delivery.compose import Composer
from delivery.esp import build_esp
from delivery.esp.http import HttpEsp
from delivery.esp.parts import parts_of_mime
from delivery.esp.provider import OUR_ID
from domain.ids import PlacementId, RecipientId, VariantId
from domain.message import Letter
from domain.recipient import AttributeValue, Recipient
from simulator.esp.handle import Message, SimulatedEsp
from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET
from tests.delivery.campaigns import CAMPAIGN, block, press, variant, write

ADDRESSES = {
    "sendgrid": "sendgrid://:KEY@{}",
    "mailgun": "mailgun://shop.example:KEY@{}",
    "sparkpost": "sparkpost://:KEY@{}",
    "ses": f"ses://{KNOWN_KEY}:{KNOWN_SECRET}@{{}}?region=eu-west-1&configuration_set=letterpress",
}
SECOND = {PlacementId("news.hero"): (VariantId("second"),), PlacementId("news.subject"): (VariantId("named"),)}

# Everything that one of the languages reads, in the constant text of a letter and right against what is put in.
_READ = (
    "{{x}} {{{y}}} {{#if x}} {{{{raw}}}} %recipient.name% %recipient% %unsubscribe_url% -name- ~1 ^ [[data-msys-clicktrack=0]] "
    "\\\\{{z}} $&amp;"
)
HERO = (
    "{% raw %}" + _READ + " &lt;% body %&gt; {%&nbsp;if %} {{% endraw %}{{ recipient.first_name }}{% raw %}}}{% endraw %}"
    "{% raw %}%{% endraw %}{{ recipient.first_name }}{% raw %}% \\{% endraw %}{{ recipient.first_name }}"
    '<a href="https://shop.example/?q=%7B%7B&amp;r={{ recipient.orders }}">{{ recipient.orders }}</a>'
    "{% if recipient.city %} in {{ recipient.city }}{% endif %}"
)
SUBJECT = variant(
    "{% raw %}{{shop}} %recipient.x% -name- {% endraw %}{{ recipient.first_name }}\n", preheader="'{{ recipient.first_name }}'"
)
NAMES = (
    *("Ada", "Zoë & Söhne", "<script>alert(1)</script>", "O'Brien \"x\"", "😀 名前", "two\nlines\r\nthree", "{{x}}", "}}", "{{{x}}}"),
    *("{{#each x}}", "%recipient.first_name%", "%", "-name-", "<%body%>", "{% if %}", "{# #}", "\\", "\\{{", "$& $1", "~", "~1~2", "|"),
    *("%recipient.b0%", "[[data-msys-linkname]]", " spaces ", "x" * 3_000, "", "\x00", "null", "&amp;", "https://evil.example/{{a}}?b"),
)  # fmt: skip


OWN: Mapping[str, AttributeValue] = {"first_name": "Ada", "orders": 1.0, "city": "Ulm"}


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedEsp]:
    """A server that keeps everything."""
    with SimulatedEsp.start() as esp:
        yield esp


@pytest.fixture(params=ADDRESSES)
def scheme(request: pytest.FixtureRequest) -> str:
    """Each ESP that puts values into a body."""
    if request.param == "ses":
        pytest.importorskip("botocore", reason="botocore not installed: it is part of the extra `ses`")
    return str(request.param)


@pytest.fixture
def server(running: SimulatedEsp) -> SimulatedEsp:
    """The server as if it had just started."""
    running.set_faults("")
    running.reset()
    return running


@pytest.fixture
def esp(scheme: str, server: SimulatedEsp) -> Iterator[HttpEsp]:
    """Our adapter."""
    built = build_esp(ADDRESSES[scheme].format(server.host))
    assert isinstance(built, HttpEsp)
    quiet = HttpEsp(built.provider, sleep=lambda _seconds: None)
    yield quiet
    quiet.close()


@pytest.fixture
def composer(tmp_path: Path) -> Composer:
    """A press for letters that no language should be given as they are."""
    changed = {"hero__second_DOT_mjml": block(HERO), "subject__named_DOT_txt": SUBJECT}
    campaign = CAMPAIGN.replace("name: The shop", "name: 'Bü {{x}} %recipient.x% & \"S\"', reply_to: care@shop.example")
    return press(compile_campaign(write(tmp_path, campaign_DOT_yaml=campaign, **changed)))


def letters(composer: Composer, names: Sequence[str] = NAMES) -> list[Letter]:
    """A letter to everybody with such a name, all of one body."""
    return [
        composer.compose(
            Recipient(
                RecipientId(f"r{number}"), f"r{number}@example.org", attributes={"first_name": name, "orders": 2.0, "city": name or None}
            ),
            SECOND,
        )
        for number, name in enumerate(names)
    ]


def shown(text: str) -> str:
    """A header as a mail program shows it."""
    return str(make_header(decode_header(text)))


def squeezed(name: str) -> str:
    """A sender's name without quoting; and without blanks, which Python's parser of addresses puts between encoded words."""
    return "".join(character for character in name if character not in '\\" ')


def is_the_letter(letter: Letter, arrived: Message) -> None:
    """The message says what the letter's bytes say: subject, HTML, text, sender, and the headers of bulk mail."""
    parts = parts_of_mime(letter)
    assert (arrived.subject, arrived.html, arrived.text) == (parts.subject, parts.html, parts.text)
    assert arrived.headers is not None
    headers = {name.casefold(): value for name, value in arrived.headers.items()}
    for name, value in parts.headers:
        if (arrived.provider, name) != ("ses", "Message-ID"):  # SES gives every message its own
            assert shown(headers[name.casefold()]) == shown(value)
    assert letter.address in headers["to"]
    assert squeezed(parts.from_name) in squeezed(shown(headers["from"]))
    assert parts.from_address in headers["from"]
    assert "care@shop.example" in headers["reply-to"]
    assert arrived.metadata[OUR_ID] == letter.message_id


def arrived_of(server: SimulatedEsp, scheme: str) -> Mapping[str, Message]:
    """What arrived, by message id; each came once."""
    found = server.messages(provider=scheme)
    assert len({one.message_id for one in found}) == len(found)
    return {one.message_id: one for one in found}


def accepted(answers: Sequence[Answer]) -> set[str]:
    """The messages that were accepted."""
    return {answer.message_id for answer in answers if isinstance(answer, Accepted)}


def test_a_batch_arrives_as_it_was_printed(esp: HttpEsp, server: SimulatedEsp, scheme: str, composer: Composer) -> None:
    """With every language's own signs in the body and in the values, each recipient gets the letter, and nearly all in one call."""
    batch = letters(composer)
    assert accepted(list(esp.hand_off(batch))) == {letter.message_id for letter in batch}
    arrived = arrived_of(server, scheme)
    for letter in batch:
        is_the_letter(letter, arrived[letter.message_id])
    assert server.counts(scheme).calls <= 3
    assert scheme == "mailgun" or not any(message.notes for message in arrived.values())  # `%recipient` in a value is worth a note there


def test_by_itself_a_letter_arrives_the_same(esp: HttpEsp, server: SimulatedEsp, scheme: str, composer: Composer) -> None:
    """Whole, one per call, everybody gets the very same as in a batch."""
    batch = letters(composer)
    for letter in batch:
        assert accepted(list(esp.hand_off([letter])))
    arrived = arrived_of(server, scheme)
    for letter in batch:
        is_the_letter(letter, arrived[letter.message_id])
    assert server.counts(scheme).calls == len(batch)


def test_values_too_large_go_whole(esp: HttpEsp, server: SimulatedEsp, scheme: str, composer: Composer) -> None:
    """A letter whose values the call does not take is sent by itself, and the others together."""
    batch = letters(composer, ["Ada", "x" * 60_000, "Ben", "Cy"])
    assert len(accepted(list(esp.hand_off(batch)))) == 4
    assert server.counts(scheme).calls == 2
    arrived = arrived_of(server, scheme)
    for letter in batch:
        is_the_letter(letter, arrived[letter.message_id])


def test_nobody_is_in_a_call_twice(esp: HttpEsp, server: SimulatedEsp, scheme: str, composer: Composer) -> None:
    """Two recipients with one address, spelled in two ways, are in different calls, and each letter arrives."""
    who = [("a", "ada@example.org"), ("b", "ben@example.org"), ("c", "ada@example.org"), ("d", "ADA@example.org")]
    batch = [composer.compose(Recipient(RecipientId(name), address, attributes=OWN), SECOND) for name, address in who]
    for call in esp.calls(batch):
        assert len({letter.address.casefold() for letter in call}) == len(call)
    assert len(accepted(list(esp.hand_off(batch)))) == 4
    arrived = arrived_of(server, scheme)
    for letter in batch:
        is_the_letter(letter, arrived[letter.message_id])


def test_mailgun_addresses_that_are_not_found_again_go_whole(server: SimulatedEsp, composer: Composer) -> None:
    """Mailgun does not find the variables of an address with a plus or with capitals: such letters are sent by themselves."""
    esp = build_esp(ADDRESSES["mailgun"].format(server.host))
    assert isinstance(esp, HttpEsp)
    addresses = ("a@example.org", "b+x@example.org", "C@example.org", "d@example.org")
    batch = [composer.compose(Recipient(RecipientId(address), address, attributes=OWN), SECOND) for address in addresses]
    assert sorted(len(call) for call in esp.calls(batch)) == [1, 1, 2]
    assert len(accepted(list(esp.hand_off(batch)))) == 4
    esp.close()


def test_a_call_without_a_clear_answer_is_unknown_as_a_whole(esp: HttpEsp, server: SimulatedEsp, scheme: str, composer: Composer) -> None:
    """Cut after accepting: nobody of the call is told to have been rejected or to be sent again, unless the ESP remembers calls."""
    server.set_faults(f"{scheme}#1=cut_after")
    batch = letters(composer, ["Ada", "Ben", "Cy"])
    answers = list(esp.hand_off(batch))
    kinds = {type(answer) for answer in answers}
    assert kinds == {Accepted if scheme == "sparkpost" else Unknown}
    assert server.accepted(scheme) == {letter.message_id: 1 for letter in batch}


def test_ses_answers_entry_by_entry(server: SimulatedEsp, composer: Composer) -> None:
    """In a 200 some entries are throttled: those are sent again later, and the others were taken."""
    pytest.importorskip("botocore", reason="botocore not installed: it is part of the extra `ses`")
    esp = build_esp(ADDRESSES["ses"].format(server.host))
    server.set_faults("ses#1=partial_throttle")
    batch = letters(composer, [f"Name{number}" for number in range(20)])
    answers = list(esp.hand_off(batch))
    later = [answer for answer in answers if isinstance(answer, Retry)]
    assert all(answer.cause is Cause.THROTTLED for answer in later)
    assert accepted(answers) == set(server.accepted("ses"))
    assert accepted(answers) | {answer.message_id for answer in later} == {letter.message_id for letter in batch}
    assert later
    esp.close()


def test_sparkpost_does_not_say_which_were_rejected(server: SimulatedEsp, composer: Composer) -> None:
    """A count of some rejected leaves all of the call in doubt: none is sent again, none is told to be lost."""
    esp = build_esp(ADDRESSES["sparkpost"].format(server.host))
    assert isinstance(esp, HttpEsp)
    quiet = HttpEsp(esp.provider, sleep=lambda _seconds: None)
    server.set_faults("sparkpost#1=partial")
    batch = letters(composer, [f"Name{number}" for number in range(20)])
    answers = list(quiet.hand_off(batch))
    assert 0 < sum(server.accepted("sparkpost").values()) < 20
    assert {type(answer) for answer in answers} == {Unknown}
    quiet.close()


def test_calls_are_cut_alike_in_any_order(esp: HttpEsp, composer: Composer) -> None:
    """The same letters give the same calls, and the letters of one call are that call again: a crash can be made good by repeating it."""
    batch = letters(composer)
    calls = esp.calls(batch)
    assert {frozenset(call) for call in esp.calls(batch[::-1])} == {frozenset(call) for call in calls}
    for call in calls:
        assert esp.calls(call[::-1]) == [call]
        assert esp.provider.build(call).body == esp.provider.build(call).body


def test_what_may_be_left_in_doubt_bounds_a_batch() -> None:
    """Where a call cannot be repeated a batch holds half of what a call takes; where it can, all that a call of usual letters takes."""
    doubtful, remembering = build_esp("sendgrid://:KEY@127.0.0.1:9"), build_esp("sparkpost://:KEY@127.0.0.1:9")
    assert doubtful.habits.batch == 500 < doubtful.max_batch
    assert remembering.remembers and remembering.habits.batch > 500
