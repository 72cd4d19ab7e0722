"""Hand-off over HTTP to a real server on loopback, well-behaved and not."""

import ssl
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp.provider import Failure, Request, Response
from delivery.esp.wire import Wire
from domain.errors import InputError, UnavailableError
from domain.ids import MessageId
from domain.message import Letter
from tests.delivery.api import CUT, Answering, Asked, Told, answering, told, unused_port
from tests.delivery.letters import letter, letters
from tests.delivery.providers import KEY, KNOWN, esp_at
from tests.delivery.test_esp_smtp import certificate, tls  # noqa: F401 - fixtures

ALL = sorted(KNOWN)
BATCHED = sorted(scheme for scheme, known in KNOWN.items() if not known.one_by_one)
REMEMBERING = sorted(scheme for scheme, known in KNOWN.items() if known.remembers)
FORGETTING = sorted(set(KNOWN) - set(REMEMBERING))


def handed_off(scheme: str, place: str, batch: Sequence[Letter], **options: object) -> list[Answer]:
    """What the ESP at this place says to the letters."""
    esp = esp_at(scheme, place, **options)
    try:
        return list(esp.hand_off(batch))
    finally:
        esp.close()


def kinds(answers: Sequence[Answer]) -> list[type]:
    """The answers without their texts."""
    return [type(answer) for answer in answers]


def by_message(answers: Sequence[Answer]) -> dict[MessageId, Answer]:
    """The answers by message, of which each may occur once."""
    found = {answer.message_id: answer for answer in answers}
    assert len(found) == len(answers)
    return found


@pytest.mark.parametrize("scheme", ALL)
def test_every_letter_is_accepted_under_its_id(scheme: str) -> None:
    """A yes is an acceptance for each letter, with the ESP's id for it; one by one or in one call."""
    batch = sorted(letters(3), key=lambda one: one.message_id)
    with answering(lambda _: KNOWN[scheme].yes(batch)) as api:
        given = handed_off(scheme, api.place, batch)
    one_by_one = KNOWN[scheme].one_by_one
    expected = [KNOWN[scheme].ids(0 if one_by_one else place) for place in range(3)]
    assert given == [Accepted(one.message_id, esp_id) for one, esp_id in zip(batch, expected, strict=True)]
    assert len(api.asked) == (3 if one_by_one else 1)
    assert api.connections == 1


@pytest.mark.parametrize("scheme", ALL)
def test_nobody_at_home_takes_nothing(scheme: str) -> None:
    """A refused connection gives all letters back: no byte left."""
    given = handed_off(scheme, f"127.0.0.1:{unused_port()}", list(letters(3)))
    assert kinds(given) == [Retry] * 3
    assert all(answer.cause is Cause.UNREACHABLE for answer in given if isinstance(answer, Retry))


@pytest.mark.parametrize("scheme", ALL)
def test_a_call_that_broke_off_early_was_not_taken(scheme: str) -> None:
    """Reset before all of the call had left: incomplete, so the ESP cannot have acted on it."""
    large = letter(1, mime=b"Subject: long\r\n\r\n" + b"more than the buffers of a connection take\r\n" * 200_000)
    with answering(lambda _: told(200), reset_early=True) as api:
        (given,) = handed_off(scheme, api.place, [large])
    assert isinstance(given, Retry)
    assert given.cause is Cause.UNREACHABLE


@pytest.mark.parametrize("scheme", FORGETTING)
@pytest.mark.parametrize("fault", [CUT, told(500), told(502), told(302, location="/elsewhere"), told(299), Told(0x309)])
def test_a_call_without_a_clear_answer_is_in_doubt(scheme: str, fault: Told) -> None:
    """All had left and no clear answer came: unknown, and made only once. What was not called yet is given back."""
    with answering(lambda _: fault) as api:
        given = handed_off(scheme, api.place, list(letters(3)))
    assert len(api.asked) == 1
    assert kinds(given) == ([Unknown, Retry, Retry] if KNOWN[scheme].one_by_one else [Unknown] * 3)


@pytest.mark.parametrize("scheme", ["sendgrid", "postmark"])
def test_silence_is_waited_for_and_then_in_doubt(scheme: str) -> None:
    """An answer later than the time-out is no answer."""
    with answering(lambda _: Told(202, after=1.0)) as api:
        given = handed_off(scheme, api.place, [letter(1)], timeout=0.2)
    assert given == [Unknown(letter(1).message_id, "no answer to the call: time ran out")]


@pytest.mark.parametrize("scheme", ALL)
def test_too_many_requests_make_everything_wait(scheme: str) -> None:
    """429 gives all letters back for as long as it asks to wait; nothing more is called."""
    with answering(lambda _: told(429, {"message": "slow down"}, retry_after="7")) as api:
        given = handed_off(scheme, api.place, list(letters(3)))
    assert len(api.asked) == 1
    assert [(answer.after, answer.cause) for answer in given if isinstance(answer, Retry)] == [(7.0, Cause.THROTTLED)] * 3


@pytest.mark.parametrize("scheme", ALL)
@pytest.mark.parametrize("status", [401, 402, 403, 404, 301, 308])
def test_what_is_about_us_rejects_nobody(scheme: str, status: int) -> None:
    """A key that is refused, an unpaid bill or a wrong address of the API is not the recipients' fault."""
    with answering(lambda _: told(status, {"message": f"who is {KEY}?"}, location="http://127.0.0.1:1/")) as api:
        given = handed_off(scheme, api.place, list(letters(3)))
    assert kinds(given) == [Retry] * 3
    assert all(answer.cause is Cause.UNREACHABLE and KEY not in answer.reason for answer in given if isinstance(answer, Retry))
    assert len(api.asked) == 1


@pytest.mark.parametrize("scheme", REMEMBERING)
@pytest.mark.parametrize("fault", [CUT, told(500), told(409, {"name": "concurrent", "errors": [{"code": "1601"}]})])
def test_a_call_in_doubt_is_repeated_where_it_is_remembered(scheme: str, fault: Told) -> None:
    """The very same call, key and bytes, until a clear answer comes."""
    batch = sorted(letters(3), key=lambda one: one.message_id)
    answers = [fault, fault]
    with answering(lambda _: answers.pop() if answers else KNOWN[scheme].yes(batch)) as api:
        given = handed_off(scheme, api.place, batch)
    assert kinds(given) == [Accepted] * 3
    first, again, last = api.asked[:3]
    assert (first.target, first.body) == (again.target, again.body) == (last.target, last.body)
    assert len({asked.headers.get("idempotency-key", asked.body) for asked in api.asked[:3]}) == 1


@pytest.mark.parametrize("scheme", REMEMBERING)
def test_not_now_does_not_settle_a_doubt(scheme: str) -> None:
    """After a call that may have been taken, 429 to its repetition leaves it unknown: given back, it could go out twice."""
    answers = [told(429), CUT]
    with answering(lambda _: answers.pop() if answers else told(429)) as api:
        given = handed_off(scheme, api.place, [letter(1)])
    assert kinds(given) == [Unknown]
    assert len(api.asked) == 3


@pytest.mark.parametrize("scheme", REMEMBERING)
def test_a_repetition_by_hand_is_never_given_back(scheme: str) -> None:
    """`repeat` answers yes, no or unknown, whatever the ESP says."""
    for fault, kind in ((told(429), Unknown), (told(401), Unknown), (CUT, Unknown), (KNOWN[scheme].yes([letter(1)]), Accepted)):
        with answering(lambda _, fault=fault: fault) as api:  # type: ignore[misc]
            esp = esp_at(scheme, api.place)
            assert kinds(esp.repeat((letter(1),))) == [kind]
            esp.close()


def _postmark_dislikes(poison: Letter) -> Answering:
    def answer(asked: Asked) -> Told:
        metadata = [message["Metadata"]["letterpress_message"] for message in asked.json]
        if poison.message_id in metadata:
            return told(422, {"ErrorCode": 402, "Message": "Invalid JSON"})
        return told(200, [{"ErrorCode": 0, "MessageID": f"for-{message_id}"} for message_id in metadata])

    return answer


def test_one_bad_letter_does_not_reject_its_neighbours() -> None:
    """A call that is refused as a whole is cut in two until the letter that is meant is alone."""
    batch = list(letters(20))
    with answering(_postmark_dislikes(batch[7])) as api:
        given = by_message(handed_off("postmark", api.place, batch))
    assert isinstance(given.pop(batch[7].message_id), Rejected)
    assert given == {one.message_id: Accepted(one.message_id, f"for-{one.message_id}") for one in batch if one is not batch[7]}
    assert len(api.asked) < 12


def test_a_letter_that_no_call_can_hold_is_rejected() -> None:
    """Larger than the limit, it is not even tried."""
    huge = letter(1, mime=b"Subject: x\r\n\r\n" + b"x" * 20_100_000)
    with answering(lambda _: told(200)) as api:
        (given,) = handed_off("sparkpost", api.place, [huge])
    assert given == Rejected(huge.message_id, "larger than a call takes (20000000 bytes)")
    assert not api.asked


@pytest.mark.parametrize("scheme", ALL)
def test_an_address_that_could_be_two_is_never_told(scheme: str) -> None:
    """Commas, brackets, spaces and line ends in an address stop its letter; the others go."""
    harmful = [letter(n, address=address) for n, address in enumerate(("a@b.example, c@d.example", "<a@b.example>", "a\r\n@b.example", ""))]
    good = letter(9)
    with answering(lambda _: KNOWN[scheme].yes([good])) as api:
        given = by_message(handed_off(scheme, api.place, [*harmful, good]))
    assert [type(given[one.message_id]) for one in harmful] == [Rejected] * 4
    assert isinstance(given[good.message_id], Accepted)
    assert not any("b.example" in answer.reason for answer in given.values() if isinstance(answer, Rejected))
    assert len(api.asked) == 1


def test_half_an_answer_to_a_list_is_in_doubt_and_to_one_letter_is_a_yes() -> None:
    """A body that was cut short: the status alone is enough where it speaks for all, and not where it is told letter by letter."""
    for scheme, kind in (("postmark", Unknown), ("mailjet", Unknown), ("sparkpost", Unknown), ("mailgun", Accepted), ("ses", Accepted)):
        with answering(lambda _, scheme=scheme: replace(KNOWN[scheme].yes([letter(1)]), missing=10)) as api:  # type: ignore[misc]
            whole = handed_off(scheme, api.place, [letter(1)])
        with answering(lambda _: Told(200, b'[{"ErrorCode": 0, "Mess', missing=10)) as api:
            half = handed_off(scheme, api.place, [letter(1)])
        assert kinds(whole) == [Accepted]
        assert kinds(half) == [kind]


def test_connections_are_kept_and_replaced() -> None:
    """Calls share a connection; one that the server has closed meanwhile is replaced without any doubt."""
    with answering(lambda _: Told(202)) as api:
        esp = esp_at("sendgrid", api.place)
        assert kinds(list(esp.hand_off(list(letters(4))))) == [Accepted] * 4
        assert api.connections == 1
        api.answer = lambda _: Told(202, headers={"connection": "close"})
        assert kinds(list(esp.hand_off(list(letters(4))))) == [Accepted] * 4
        assert api.connections == 4
        esp.close()


def test_threads_share_one_esp() -> None:
    """Eight threads hand off at once; every letter is called for once and answered once."""
    with answering(lambda _: Told(202)) as api:
        esp = esp_at("sendgrid", api.place)
        batches = [list(letters(5, first=5 * n)) for n in range(8)]
        with ThreadPoolExecutor(8) as threads:
            given = [answer for answers in threads.map(lambda batch: list(esp.hand_off(batch)), batches) for answer in answers]
        esp.close()
    assert kinds(given) == [Accepted] * 40
    assert len({asked.body for asked in api.asked}) == len(by_message(given)) == 40


PROBES = {
    "brevo": told(200, {"email": "shop"}),
    "mailgun": told(400, {"message": "to parameter is missing"}),
    "mailjet": told(200, {"Count": 1}),
    "postmark": told(200, {"ID": 1}),
    "resend": told(401, {"name": "restricted_api_key", "message": "This API key is restricted to only send emails"}),
    "sendgrid": told(200, {"scopes": ["alerts.read", "mail.send"]}),
    "ses": told(200, {"SendingEnabled": True}),
    "sparkpost": told(403, {"errors": [{"message": "Forbidden."}]}),
}


@pytest.mark.parametrize("scheme", ALL)
def test_a_key_that_may_send_passes_the_check(scheme: str) -> None:
    """One call, which hands nothing off."""
    with answering(lambda _: PROBES[scheme]) as api:
        esp = esp_at(scheme, api.place)
        esp.check()
        esp.close()
    (asked,) = api.asked
    assert not any(one.message_id.encode() in asked.body or b"@example" in asked.body for one in letters(3))


@pytest.mark.parametrize("scheme", ALL)
def test_a_refused_key_names_the_setting_and_not_itself(scheme: str) -> None:
    """401 is the user's mistake, told with the setting's name."""
    with answering(lambda _: told(401, {"message": f"key {KEY} unknown", "errors": [{"message": KEY}]})) as api:
        esp = esp_at(scheme, api.place)
        with pytest.raises(InputError) as refusal:
            esp.check()
        esp.close()
    assert str(refusal.value).startswith("LETTERPRESS_ESP: ")
    assert KEY not in str(refusal.value)


@pytest.mark.parametrize("scheme", ALL)
def test_an_esp_that_cannot_be_asked_is_unavailable(scheme: str) -> None:
    """Nobody at home, 503 and 429: to be tried again, nobody's mistake."""
    with pytest.raises(UnavailableError, match="does not answer"):
        esp_at(scheme, f"127.0.0.1:{unused_port()}").check()
    for status in (429, 503):
        with answering(lambda _, status=status: told(status)) as api, pytest.raises(UnavailableError, match=str(status)):  # type: ignore[misc]
            esp_at(scheme, api.place).check()


def test_keys_that_may_not_send_and_accounts_that_are_paused_fail_the_check() -> None:
    """A key that is good for other things, and an account that is stopped."""
    cases = (
        ("sendgrid", told(200, {"scopes": ["alerts.read"]})),
        ("ses", told(200, {"SendingEnabled": False})),
        ("mailgun", told(404, {"message": "Domain not found"})),
    )
    for scheme, answer in cases:
        with answering(lambda _, answer=answer: answer) as api, pytest.raises(InputError):  # type: ignore[misc]
            esp_at(scheme, api.place).check()


def test_postmark_and_mailjet_are_asked_for_evidence() -> None:
    """Found under our id is proof; found under another, not found, and no answer are not."""
    one, other = letter(1).message_id, letter(2).message_id

    def search(asked: Asked) -> Told:
        if one not in asked.target:
            return told(200, {"Messages": [], "Data": []})
        postmark = {"MessageID": "p-1", "Metadata": {"letterpress_message": one}}
        return told(200, {"Messages": [postmark], "Data": [{"ID": 77, "CustomID": one}]})

    for scheme, esp_id in (("postmark", "p-1"), ("mailjet", "77")):
        with answering(search) as api:
            esp = esp_at(scheme, api.place)
            assert list(esp.evidence([one, other])) == [Accepted(one, esp_id)]
            assert [asked.method for asked in api.asked] == ["GET", "GET"]
            api.answer = lambda _: told(200, {"Messages": [{"MessageID": "p"}], "Data": [{"ID": 1, "CustomID": "x"}]})
            assert list(esp.evidence([one])) == []
            api.answer = lambda _: CUT
            assert list(esp.evidence([one, other] * 5)) == []
            assert len(api.asked) == 3 + 3  # not asked on and on where nobody answers
            esp.close()


@pytest.mark.parametrize("scheme", sorted(set(KNOWN) - {"postmark", "mailjet"}))
def test_the_others_are_silent(scheme: str) -> None:
    """What cannot be asked is not asked."""
    assert list(esp_at(scheme, f"127.0.0.1:{unused_port()}").evidence([letter(1).message_id])) == []


@pytest.mark.parametrize("scheme", ALL)
def test_the_letters_of_a_call_are_that_call_again(scheme: str) -> None:
    """Calls do not depend on the order of letters, and are within the limits."""
    esp = esp_at(scheme)
    batch = [letter(n, mime=b"Subject: x\r\n\r\n" + b"x" * (1 + n * 12_345)) for n in range(120)]
    calls = esp.calls(batch)
    assert calls == esp.calls(batch[::-1])
    assert sorted(one.message_id for call in calls for one in call) == sorted(one.message_id for one in batch)
    for call in calls:
        assert esp.calls(call[::-1]) == [call]
        assert len(call) <= esp.provider.limits.messages
        assert len(esp.provider.build(call).body) <= esp.provider.limits.bytes


def test_certificates_are_verified(certificate: Path, tls: ssl.SSLContext) -> None:  # noqa: F811
    """A server whose authority is not trusted gets nothing; with ?ca= it does."""
    with answering(lambda _: told(200), context=tls) as api:
        endpoint = esp_at("sendgrid", api.place).provider.endpoint
        distrusting = Wire(replace(endpoint, context=ssl.create_default_context()))
        trusting = Wire(replace(endpoint, context=ssl.create_default_context(cafile=certificate)))
        request = Request("POST", "/", {}, b"letters")
        refused, answered = distrusting.send(request), trusting.send(request)
        distrusting.close()
        trusting.close()
    assert refused == Failure(complete=False, reason="no TLS with it: its certificate is not trusted or the handshake failed")
    assert isinstance(answered, Response)
    assert [asked.body for asked in api.asked] == [b"letters"]


def test_an_idle_connection_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that idled for some seconds is replaced before a call, because the server may just be closing it."""
    monkeypatch.setattr("delivery.esp.wire._IDLE", 0.05)
    with answering(lambda _: Told(202)) as api:
        esp = esp_at("sendgrid", api.place)
        list(esp.hand_off(list(letters(3))))
        assert api.connections == 1
        time.sleep(0.1)
        list(esp.hand_off(list(letters(3))))
        assert api.connections == 2
        esp.close()
