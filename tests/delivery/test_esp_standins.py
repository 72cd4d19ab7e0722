"""Letters at servers that others wrote to stand in for providers (`standins.py` says which): what arrives is what was handed off."""

from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from delivery.answers import Accepted, Rejected
from delivery.compile import compile_campaign
from delivery.esp import Esp, build_esp
from domain.ids import RecipientId
from domain.message import Letter
from domain.recipient import Recipient
from tests.delivery.campaigns import block, press, variant, write
from tests.delivery.letters import letter as another
from tests.delivery.relay import Relay, serving
from tests.delivery.standins import StandIn, aws_ses_v2_local, cache, maildev, moto

SENDER = "news@shop.example"
# What a template language, a header or a mail program could trip over; each is somebody's first name.
NAMES = ("Ada", "Zoë Grünwald", 'O\'Neil & <b>"Söhne"</b>', "{{first_name}} {% raw %}", "%recipient.name% -name-", "李 \U0001f600", ".")


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Letter]:
    """A letter for each of the names, in subject, HTML and text."""
    named = variant("News for {{ recipient.first_name }}\n", default="true")
    hero = block('For {{ recipient.first_name }}: <a href="https://shop.example/?a=1&amp;b=2">here</a>', default="true")
    files = {"subject__plain_DOT_txt": named, "subject__named_DOT_txt": None, "hero__first_DOT_mjml": hero}
    composer = press(compile_campaign(write(tmp_path_factory.mktemp("campaign"), **files)))
    people = [Recipient(RecipientId(f"r{n}"), f"r{n}@example.org", attributes={"first_name": name}) for n, name in enumerate(NAMES)]
    return [composer.compose(person, {}) for person in people]


@pytest.fixture(scope="module")
def moto_server() -> Iterator[StandIn]:
    """moto, with our sender verified."""
    with moto() as server:
        signed = "AWS4-HMAC-SHA256 Credential=KEY/20261123/eu-west-1/ses/aws4_request, SignedHeaders=host, Signature=unchecked"
        asked = httpx.post(f"{server.url}/v2/email/identities", json={"EmailIdentity": SENDER}, headers={"Authorization": signed})
        asked.raise_for_status()
        yield server


@pytest.fixture(scope="module")
def ses_local() -> Iterator[StandIn]:
    """aws-ses-v2-local."""
    with aws_ses_v2_local() as server:
        yield server


@pytest.fixture(scope="module")
def mail_server() -> Iterator[StandIn]:
    """maildev."""
    with maildev() as server:
        yield server


def ses_at(server: StandIn) -> Esp:
    """Our adapter, pointed at a stand-in."""
    pytest.importorskip("botocore", reason="botocore not installed: it is part of the extra `ses`")
    return build_esp(f"ses://KEY:SECRET@{server.host}?region=eu-west-1")


def accepted(esp: Esp, letters: Sequence[Letter]) -> dict[str, str | None]:
    """Hands letters over, all of which have to be accepted; the server's ids by ours."""
    answers = list(esp.hand_off(letters))
    esp.close()
    assert all(isinstance(answer, Accepted) for answer in answers), answers
    assert {answer.message_id for answer in answers} == {letter.message_id for letter in letters}
    return {answer.message_id: answer.esp_message_id for answer in answers if isinstance(answer, Accepted)}


def read(mime: bytes) -> EmailMessage:
    """A letter as a mail program has it."""
    return message_from_bytes(mime, policy=policy.default)


def body(message: EmailMessage, kind: str) -> str:
    """One of its two bodies."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n").rstrip("\n")


def is_what_was_handed_off(letter: Letter, mime: bytes) -> None:
    """The same headers, our id among them, the same subject, HTML and text; and, for who cares to look closer, the very bytes."""
    arrived, handed = read(mime), read(letter.mime)
    assert arrived["Message-ID"] == f"<{letter.message_id}@shop.example>"
    assert {name: str(value) for name, value in handed.items()} == {name: str(value) for name, value in arrived.items()}
    assert (body(arrived, "html"), body(arrived, "plain")) == (body(handed, "html"), body(handed, "plain"))
    assert mime.rstrip(b"\r\n") == letter.mime.rstrip(b"\r\n")


def test_moto(moto_server: StandIn, letters: Sequence[Letter]) -> None:
    """moto's SES has each letter to the byte, for its recipient; it knows single letters only, so they are handed over one by one."""
    for letter in letters:
        ids = accepted(ses_at(moto_server), [letter])
        [held] = [one for one in moto_holds(moto_server) if one["id"] == ids[letter.message_id]]
        assert (held["source"], set(held["destinations"])) == (SENDER, {letter.address})
        is_what_was_handed_off(letter, held["raw_data"].encode())


def moto_holds(server: StandIn) -> list[dict[str, Any]]:
    """The raw letters that moto keeps."""
    held: list[dict[str, Any]] = httpx.get(f"{server.url}/moto-api/data.json").json()["ses"]["RawMessage"]
    return held


def test_moto_refuses_a_sender_that_is_not_verified(moto_server: StandIn, letters: Sequence[Letter]) -> None:
    """A refusal comes back as one, and its reason holds no address."""
    [letter] = letters[:1]
    stranger = letter.mime.replace(SENDER.encode(), b"else@other.example")
    assert stranger != letter.mime
    [answer] = ses_at(moto_server).hand_off([other(letter, stranger)])
    assert isinstance(answer, Rejected) and "@" not in answer.reason


def other(letter: Letter, mime: bytes) -> Letter:
    """A letter with other bytes, and no form in which it could share anything."""
    return another(1, address=letter.address, mime=mime)


@pytest.mark.parametrize("at_once", [True, False])
def test_aws_ses_v2_local(ses_local: StandIn, letters: Sequence[Letter], at_once: bool) -> None:
    """aws-ses-v2-local has subject, HTML, text, sender and recipient of each letter, once: of those that share a body and go in one bulk
    call, with their own headers, as of those that go one by one. (It keeps no headers of these, and no tags of any.)"""
    httpx.post(f"{ses_local.url}/clear-store").raise_for_status()
    esp = ses_at(ses_local)
    esp.check()
    ids = accepted(esp, letters) if at_once else {key: told for one in letters for key, told in accepted(ses_at(ses_local), [one]).items()}
    held = {one["messageId"]: one for one in httpx.get(f"{ses_local.url}/store").json()["emails"]}
    assert len(held) == len(letters)
    for letter in letters:
        one, handed = held[str(ids[letter.message_id])], read(letter.mime)
        assert one["destination"]["to"] == [letter.address] and SENDER in one["from"]
        assert one["subject"] == str(handed["Subject"])
        assert (one["body"]["html"].rstrip("\n"), one["body"]["text"].rstrip("\n")) == (body(handed, "html"), body(handed, "plain"))
        headers = {header["name"]: header["value"] for header in one.get("headers", ())}
        assert headers == {name: str(handed[name]) for name in headers}
        assert not at_once or {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-ID"} <= set(headers)


def test_maildev(mail_server: StandIn, letters: Sequence[Letter]) -> None:
    """maildev has each letter once, to the byte, and reads the same subject, HTML and text in it."""
    esp = build_esp(f"smtp://127.0.0.1:{mail_server.smtp}/?starttls=none")
    esp.check()
    accepted(esp, letters)
    held = {one["to"][0]["address"]: one for one in httpx.get(f"{mail_server.url}/api/email").json()}
    assert len(held) == len(letters)
    for letter in letters:
        one, handed = held[letter.address], read(letter.mime)
        assert one["envelope"]["from"]["address"] == letter.sender
        assert one["subject"] == str(handed["Subject"])
        assert (one["html"].rstrip("\n"), one["text"].rstrip("\n")) == (body(handed, "html"), body(handed, "plain"))
        is_what_was_handed_off(letter, httpx.get(f"{mail_server.url}/api/email/{one['id']}/download").content)


def test_aiosmtpd(letters: Sequence[Letter]) -> None:
    """aiosmtpd has each letter once, to the byte, for its recipient alone."""
    with serving(Relay()) as relay:
        esp = build_esp(relay.url)
        esp.check()
        accepted(esp, letters)
    assert sorted(relay.recipients) == sorted(letter.address for letter in letters)
    by_address = dict(relay.held)
    for letter in letters:
        is_what_was_handed_off(letter, by_address[letter.address])


def test_the_names_of_stand_ins_are_installed_outside_the_repository() -> None:
    """Nothing that npm brings ends up among our files."""
    assert Path(__file__).resolve().parents[2] not in cache().resolve().parents
