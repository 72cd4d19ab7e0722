"""The simulated ESP: keys that make repeating safe, as Resend, SparkPost and Brevo have them."""

from collections.abc import Callable, Sequence

import httpx
import pytest

from simulator.esp.handle import SimulatedEsp
from tests.simulator import esp_calls as calls

KEY, OTHER = "0f0e0d0c-0b0a-4908-8706-050403020100", "1f0e0d0c-0b0a-4908-8706-050403020100"
DAY = 24 * 3600
Make = Callable[[Sequence[int], str | None], calls.Call]
KEYED: dict[str, tuple[Make, float]] = {"resend": (calls.resend, DAY), "sparkpost": (calls.sparkpost, DAY), "brevo": (calls.brevo, 1_800)}


@pytest.mark.parametrize("provider", KEYED)
@pytest.mark.parametrize("fault", ["", "#1=after", "#1=cut_after", "#1=before", "#1=cut_before"])
def test_a_repeated_call_is_carried_out_once(esp: SimulatedEsp, provider: str, fault: str) -> None:
    """Whatever became of the first call, repeating it under its key leaves every message taken once."""
    make, _ = KEYED[provider]
    esp.set_faults(f"{provider}{fault}" if fault else "")
    for _ in range(3):
        try:
            answer = make((1, 2), KEY).to(esp.url)
        except httpx.TransportError:
            continue
    assert answer.status_code == (400 if provider == "brevo" else 200)
    assert set(esp.accepted(provider).values()) == {1}
    assert esp.counts(provider).replayed == (1 if "before" in fault else 2)


def test_what_a_repetition_is_told(esp: SimulatedEsp) -> None:
    """Resend and SparkPost give the first answer again, SparkPost marks it; Brevo says that the key was used."""
    first, again = (calls.resend((1, 2), KEY).to(esp.url) for _ in range(2))
    assert first.json() == again.json()
    first, again = (calls.sparkpost((1, 2), KEY).to(esp.url) for _ in range(2))
    assert (first.json(), "x-idempotent-replayed" in first.headers) == (again.json(), False)
    assert again.headers["x-idempotent-replayed"] == "true"
    calls.brevo((1, 2), KEY).to(esp.url)
    again = calls.brevo((1, 2), KEY).to(esp.url)
    assert (again.status_code, again.json()["code"]) == (400, "duplicate_parameter")


def test_a_key_for_another_call(esp: SimulatedEsp) -> None:
    """The key of one call with the body of another is a conflict at Resend and SparkPost, and used up at Brevo."""
    for make, _ in KEYED.values():
        make((1,), KEY).to(esp.url)
    told = [make((2,), KEY).to(esp.url) for make, _ in KEYED.values()]
    assert [answer.status_code for answer in told] == [409, 409, 400]
    assert told[0].json()["name"] == "invalid_idempotent_request"
    assert told[1].json()["errors"][0]["code"] == "1600"
    assert calls.name(2) not in esp.accepted()


@pytest.mark.parametrize("provider", KEYED)
def test_keys_expire(esp: SimulatedEsp, provider: str) -> None:
    """A key is forgotten when its time is over, and not before; another key is another call."""
    make, lifetime = KEYED[provider]
    make((1,), KEY).to(esp.url)
    make((2,), OTHER).to(esp.url)
    esp.advance(lifetime - 60)
    make((1,), KEY).to(esp.url)
    assert set(esp.accepted(provider).values()) == {1}
    esp.advance(61)
    make((1,), KEY).to(esp.url)
    assert esp.accepted(provider) == {calls.name(1): 2, calls.name(2): 1}


def test_a_call_in_progress(esp: SimulatedEsp) -> None:
    """While the first call is being worked on, Resend and SparkPost answer its repetition with 409."""
    esp.set_faults("late=1,late_seconds=5")
    for make in (calls.resend, calls.sparkpost):
        with pytest.raises(httpx.ReadTimeout):
            make((1,), KEY).to(esp.url, timeout=0.2)
    esp.set_faults("")
    told = [make((1,), KEY).to(esp.url).text for make in (calls.resend, calls.sparkpost)]
    assert ["concurrent_idempotent_requests" in told[0], '"1601"' in told[1]] == [True, True]


def test_accounts_have_keys_of_their_own(esp: SimulatedEsp) -> None:
    """The same key in another account is another call."""
    one = calls.resend((1,), KEY)
    other = calls.Call(one.path, {**one.headers, "authorization": "Bearer re_other"}, one.body)
    assert one.to(esp.url).json() != other.to(esp.url).json()
    assert esp.accepted("resend") == {calls.name(1): 2}
