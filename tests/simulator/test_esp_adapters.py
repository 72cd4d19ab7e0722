"""The simulated ESP: talked to by our own adapters, whole letters through and back."""

from collections.abc import Iterator

import pytest

from delivery.answers import Accepted, Retry, Unknown
from delivery.esp import Esp, build_esp
from domain.message import Letter
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
