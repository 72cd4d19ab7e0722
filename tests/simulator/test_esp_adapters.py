"""The simulated ESP: talked to by our own adapters, whole letters through and back."""

from collections.abc import Iterator

import pytest

from delivery.answers import Accepted, Rejected, Retry, Unknown
from delivery.esp import Esp, build_esp
from domain.errors import InputError
from domain.message import Letter
from simulator.esp.calls import REVOKED
from simulator.esp.handle import SimulatedEsp
from simulator.esp.providers.ses_signature import KNOWN_KEY, KNOWN_SECRET
from tests.delivery.letters import SENDER, letter

ADDRESSES = {
    "sendgrid": "sendgrid://:KEY@{http}",
    "mailgun": "mailgun://shop.example:KEY@{http}",
    "postmark": "postmark://:TOKEN@{http}",
    "sparkpost": "sparkpost://:KEY@{http}",
    "resend": "resend://:KEY@{http}",
    "mailjet": "mailjet://KEY:SECRET@{http}",
    "brevo": "brevo://:KEY@{http}",
    "ses": f"ses://{KNOWN_KEY}:{KNOWN_SECRET}@{{http}}?region=eu-west-1&configuration_set=letterpress",
    "smtp": "{smtp}/?starttls=none&final_timeout=5",
}
KEYED = ("sparkpost", "resend", "brevo")  # a call that is repeated under its key is not carried out again


@pytest.fixture(params=ADDRESSES)
def provider(request: pytest.FixtureRequest) -> str:
    """Each provider that we have an adapter for."""
    if request.param == "ses":
        pytest.importorskip("botocore", reason="botocore not installed: it is part of the extra `ses`")
    return str(request.param)


@pytest.fixture
def adapter(provider: str, esp: SimulatedEsp) -> Iterator[Esp]:
    """Our adapter, checked and ready."""
    adapter = build_esp(ADDRESSES[provider].format(http=esp.host, smtp=esp.smtp_url))
    adapter.check()
    esp.reset()
    yield adapter
    adapter.close()


@pytest.mark.parametrize("provider", [name for name in ADDRESSES if name != "smtp"], indirect=True)
def test_the_check_finds_a_key_that_is_refused(esp: SimulatedEsp, provider: str) -> None:
    """Before a send, every adapter's own question tells a good key, which passes, from a revoked one, which is named and not shown."""
    good = ADDRESSES[provider].format(http=esp.host, smtp=esp.smtp_url)
    secret = KNOWN_SECRET if provider == "ses" else ":SECRET" if provider == "mailjet" else ":KEY" if ":KEY" in good else ":TOKEN"
    build_esp(good).check()
    revoked = build_esp(good.replace(secret, REVOKED if provider == "ses" else f":{REVOKED}"))
    with pytest.raises(InputError, match="the key is refused") as refused:
        revoked.check()
    assert REVOKED not in str(refused.value).replace("expired, or revoked", "")


def test_the_check_finds_a_login_that_is_refused(esp: SimulatedEsp) -> None:
    """The SMTP adapter logs in before a send."""
    relay = str(esp.smtp_url).removeprefix("smtp://")
    build_esp(f"smtp://user:good@{relay}/?starttls=none").check()
    with pytest.raises(InputError, match="535"):
        build_esp(f"smtp://user:{REVOKED}@{relay}/?starttls=none").check()


def test_one_recipient_that_ses_refuses_is_no_doubt_about_the_sender(esp: SimulatedEsp) -> None:
    """What SES says of one recipient is not what it says of a sender that is not verified, for which everything waits."""
    pytest.importorskip("botocore", reason="botocore not installed: it is part of the extra `ses`")
    adapter = build_esp(ADDRESSES["ses"].format(http=esp.host, smtp=esp.smtp_url))
    esp.set_faults("ses.partial=1,partial_share=1")
    assert {type(answer) for answer in adapter.hand_off(_batch(adapter))} == {Rejected}
    adapter.close()


def _batch(adapter: Esp) -> list[Letter]:
    """Letters with a sender, which SES insists on."""
    few = range(min(3, adapter.max_batch))
    return [letter(number, mime=f"From: <{SENDER}>\r\n".encode() + letter(number).mime) for number in few]


def test_hands_over(esp: SimulatedEsp, provider: str, adapter: Esp) -> None:
    """What our adapter says was accepted is there once, under our id, for the recipient it was meant for."""
    batch = _batch(adapter)
    answers = {answer.message_id: answer for answer in adapter.hand_off(batch)}
    assert all(isinstance(answer, Accepted) for answer in answers.values())
    assert esp.accepted(provider) == {sent.message_id: 1 for sent in batch}
    held = {one.message_id: one for one in esp.messages(provider=provider)}
    for sent in batch:
        one, answer = held[sent.message_id], answers[sent.message_id]
        assert (one.recipient, one.subject) == (sent.address, sent.mime.decode().partition("Subject: ")[2].partition("\r\n")[0])
        assert isinstance(answer, Accepted)
        assert (answer.esp_message_id or "") in one.esp_message_id


@pytest.mark.parametrize("fault", ["throttle", "before", "cut_before", "after", "cut_after"])
def test_never_twice_never_lost(esp: SimulatedEsp, provider: str, adapter: Esp, fault: str) -> None:
    """Under faults what is said to be accepted is there, what is said to be retried is not, and the rest is unknown."""
    esp.set_faults(f"{provider}#1={fault},{provider}#2={fault},{provider}#3={fault}")
    answers = list(adapter.hand_off(_batch(adapter)))
    accepted = esp.accepted(provider)
    assert len(answers) == len(_batch(adapter))
    for answer in answers:
        taken = accepted.get(answer.message_id, 0)
        assert taken <= 1
        assert taken == {Accepted: 1, Retry: 0}.get(type(answer), taken) or (provider in KEYED and isinstance(answer, Retry))
    if fault in ("after", "cut_after") and provider not in KEYED:
        assert sum(accepted.values()) == sum(isinstance(answer, Unknown) for answer in answers) > 0
