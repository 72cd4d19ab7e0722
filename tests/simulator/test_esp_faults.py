"""The simulated ESP: what goes wrong, when, and what is left behind."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from simulator.esp.faults import Bucket, Fault, parse_faults
from simulator.esp.handle import SimulatedEsp
from simulator.esp.providers import SCOPES
from tests.simulator import esp_calls as calls
from tests.simulator.esp_calls import MANY, name

CUT = (Fault.CUT_READING, Fault.CUT_BEFORE, Fault.CUT_AFTER)
TAKES = (Fault.AFTER, Fault.CUT_AFTER, Fault.LATE)


def _status(call: calls.Call, esp: SimulatedEsp) -> int | None:
    """The status of the answer; None if the connection broke."""
    try:
        return call.to(esp.url).status_code
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("provider", MANY)
@pytest.mark.parametrize("fault", [Fault.BEFORE, *CUT, *TAKES[::2], Fault.DENIED])
def test_each_fault(esp: SimulatedEsp, provider: str, fault: Fault) -> None:
    """A fault answers or breaks off as it says, and leaves the messages taken or not taken as it says."""
    esp.set_faults(f"{provider}#1={fault},late_seconds=0.01")
    status = _status(MANY[provider]((1, 2)), esp)
    assert (status is None) == (fault in CUT)
    assert (status == 500) == (fault in (Fault.BEFORE, Fault.AFTER))
    assert (status in (401, 403)) == (fault is Fault.DENIED)
    assert len(esp.accepted(provider)) == (2 if fault in TAKES else 0)
    assert esp.faults_that_happened(provider) == {fault: 1}
    assert _status(MANY[provider]((3,)), esp) in (200, 201, 202)


@pytest.mark.parametrize("provider", MANY)
def test_throttling(esp: SimulatedEsp, provider: str) -> None:
    """Throttled calls are told 429, with Retry-After or without; SES's bulk calls are told so entry by entry inside a 200."""
    esp.set_faults("throttle=1,retry_after=7")
    answer = MANY[provider]((1, 2)).to(esp.url)
    if provider == "ses":
        assert [one["Status"] for one in answer.json()["BulkEmailEntryResults"]] == ["ACCOUNT_THROTTLED"] * 2
        answer = calls.ses().to(esp.url)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    esp.set_faults("throttle=1,retry_after=0")
    assert "retry-after" not in MANY[provider]((1, 2)).to(esp.url).headers
    assert not esp.accepted()


@pytest.mark.parametrize("provider", ["ses", "postmark", "mailjet", "sparkpost"])
@pytest.mark.parametrize("fault", ["partial", "partial_throttle"])
def test_partial_acceptance(esp: SimulatedEsp, provider: str, fault: str) -> None:
    """Providers that judge messages one by one take some and decline others, and the book agrees with their answer."""
    esp.set_faults(f"{fault}=1,partial_share=.5")
    answer = MANY[provider](range(40)).to(esp.url).json()
    declined = {
        "ses": lambda: [one["Status"] for one in answer["BulkEmailEntryResults"] if one["Status"] != "SUCCESS"],
        "postmark": lambda: [one["ErrorCode"] for one in answer if one["ErrorCode"]],
        "mailjet": lambda: [one["Errors"][0]["StatusCode"] for one in answer["Messages"] if one["Status"] == "error"],
        "sparkpost": lambda: ["?"] * answer["results"]["total_rejected_recipients"],
    }[provider]()
    assert len(esp.accepted(provider)) == 40 - len(declined)
    words = {"ses": ("MESSAGE_REJECTED", "ACCOUNT_THROTTLED"), "postmark": (406, 429), "mailjet": (400, 429), "sparkpost": ("?", None)}
    word = words[provider][fault == "partial_throttle"]
    assert set(declined) == ({word} if word else set())
    assert 5 < len(declined) < 35 or word is None


def test_resend_takes_part_of_a_permissive_batch_only(esp: SimulatedEsp) -> None:
    """Resend takes a batch whole, unless permissive validation was asked for."""
    esp.set_faults("partial=1,partial_share=.5")
    assert len(calls.resend(range(20)).to(esp.url).json()["data"]) == 20
    strict = calls.resend(range(20))
    permissive = calls.Call(strict.path, {**strict.headers, "x-batch-validation": "permissive"}, strict.body)
    told = permissive.to(esp.url).json()
    assert len(told["data"]) + len(told["errors"]) == 20 > len(told["data"])


def test_late(esp: SimulatedEsp) -> None:
    """A late answer comes when everything was long taken; a client that does not wait has no answer."""
    esp.set_faults("sendgrid#1=late,late_seconds=5")
    with pytest.raises(httpx.ReadTimeout):
        calls.sendgrid().to(esp.url, timeout=0.3)
    assert esp.accepted("sendgrid") == {name(1): 1}


def test_scripts_count_by_provider(esp: SimulatedEsp) -> None:
    """A script names the n-th call of one provider, or of each."""
    esp.set_faults("postmark#2=before #3=before")
    assert [_status(calls.postmark(), esp) for _ in range(4)] == [200, 500, 500, 200]
    assert [_status(calls.resend(), esp) for _ in range(4)] == [200, 200, 500, 200]


def test_look_ups_fail_by_themselves(esp: SimulatedEsp) -> None:
    """Look-ups have faults of their own, and may not know yet what was just taken."""
    calls.postmark().to(esp.url)
    ask = calls.Call(f"/messages/outbound?count=1&offset=0&metadata_message_id={name(1)}", {"x-postmark-server-token": "token"}, b"", "GET")
    esp.set_faults("postmark-lookup#1=throttle,postmark-lookup#2=cut_before,lookup_lag=60")
    assert [_status(ask, esp), _status(ask, esp)] == [429, None]
    assert ask.to(esp.url).json()["TotalCount"] == 0
    esp.advance(61)
    assert ask.to(esp.url).json()["TotalCount"] == 1
    assert esp.counts("postmark").lookups == 4


def test_shares_are_drawn_by_the_seed() -> None:
    """The same seed gives the same faults to the same calls, another seed others, in about the asked share."""

    def drawn(seed: int) -> list[Fault | None]:
        plan = parse_faults("cut_after=.1,ses.throttle=.3", scopes=SCOPES, seed=seed)
        return [plan.draw("ses") for _ in range(2_000)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 540 < drawn(1).count(Fault.THROTTLE) < 660
    assert 110 < drawn(1).count(Fault.CUT_AFTER) < 170  # a tenth of those that are not throttled


def test_one_kind_does_not_move_another() -> None:
    """Asking for one more kind of fault leaves the calls that the others hit where they were."""
    alone, both = (parse_faults(text, scopes=SCOPES) for text in ("late=.2", "late=.2,throttle=.2"))
    pairs = [(alone.draw("brevo"), both.draw("brevo")) for _ in range(500)]
    assert all(second in (first, Fault.THROTTLE) for first, second in pairs)


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers(1, 60)), min_size=1, max_size=60))
def test_rate_limit_over_time(arrivals: list[tuple[float, int]]) -> None:
    """However calls come, what is let through is never more than a second's worth and what time brought since, but for the last call."""
    bucket, now, taken, last = Bucket(), 1.0, 0, 0
    for pause, messages in arrivals:
        now += pause
        if bucket.takes(messages, 100, now):
            taken, last = taken + messages, messages
    assert taken - last <= 100 + 100 * (now - 1.0) + 1e-6
    assert taken >= min(arrivals[0][1], 100)


def test_rate_limit(esp: SimulatedEsp) -> None:
    """A call that comes too soon after a large one is throttled, for that provider alone."""
    esp.set_faults("resend.limit=1")
    assert [calls.resend(range(100)).to(esp.url).status_code for _ in range(2)] == [200, 429]
    assert calls.postmark(range(100)).to(esp.url).status_code == 200
    assert esp.faults_that_happened("resend") == {"throttle": 1}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("nonsense", "no name=value"),
        ("burn=.1", "no fault 'burn'"),
        ("late=2", "number from 0 to 1"),
        ("late=x", "number from 0 to 1"),
        ("acme.late=.1", "no provider 'acme'"),
        ("postmark#0=late", "names no call"),
        ("postmark#1=0.5", "no fault '0.5'"),
    ],
)
def test_mistakes_in_a_spec(esp: SimulatedEsp, spec: str, words: str) -> None:
    """A mistake in what faults are asked for is told, and changes nothing."""
    esp.set_faults("throttle=1")
    with pytest.raises(InputError, match=words):
        esp.set_faults(spec)
    assert calls.resend().to(esp.url).status_code == 429
