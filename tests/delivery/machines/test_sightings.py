"""Reading raw payloads, ours and those of ESPs."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.machines.sightings import sighting_of
from domain.event import EventKind
from tests.delivery.machines.traces import told, trace
from tests.published import PUBLISHED, needs_published_data


def test_what_the_http_process_wrote_down_is_read() -> None:
    """Link and position, agent, the veiled network, and whether it was a POST."""
    found = sighting_of(trace(30, "0a0b0c0d", network="5f"))
    assert (found.link, found.network, found.posted, found.prefetched, found.after) == ("0a0b0c0d/1", "5f", False, False, 30)


@pytest.mark.parametrize(
    ("payload", "agent", "network", "link", "flagged"),
    [
        ({"event": "click", "ip": "9.9.9.9", "useragent": "A", "url": "u"}, "A", "9.9.9.0/24", "u", False),
        ({"event-data": {"ip": "9.9.9.9", "client-info": {"user-agent": "A", "bot": "apple"}, "url": "u"}}, "A", "9.9.9.0/24", "u", True),
        ({"RecordType": "Click", "UserAgent": "A", "OriginalLink": "u", "Geo": {"IP": "2606:4700::1"}}, "A", "2606:4700::/48", "u", False),
        ({"eventType": "Click", "click": {"ipAddress": "9.9.9.9", "userAgent": "A", "link": "u"}}, "A", "9.9.9.0/24", "u", False),
        ({"msys": {"track_event": {"user_agent": "A", "ip_address": "9.9.9.9", "target_link_url": "u"}}}, "A", "9.9.9.0/24", "u", False),
        (
            {"type": "email.clicked", "data": {"click": {"ipAddress": "9.9.9.9", "userAgent": "A", "link": "u"}}},
            "A",
            "9.9.9.0/24",
            "u",
            False,
        ),
        ({"event": "click", "ip": "9.9.9.9", "agent": "A", "url": "u"}, "A", "9.9.9.0/24", "u", False),
        ({"event": "proxy_open", "link": ""}, None, None, None, True),
        ({"event": "open", "sg_machine_open": False, "ip": "127.0.0.1"}, None, None, None, False),
    ],
    ids=["sendgrid", "mailgun", "postmark", "ses", "sparkpost", "resend", "mailjet", "brevo", "nobody's network"],
)
def test_payloads_of_esps_are_read(payload: object, agent: str | None, network: str | None, link: str | None, flagged: bool) -> None:
    """Each has its own names for the same things."""
    found = sighting_of(told(orjson.dumps(payload).decode()))
    assert (found.agent, found.network, found.link, found.flagged) == (agent, network, link, flagged)


@needs_published_data
@pytest.mark.parametrize("name", ["postmark/official_04_click", "mailjet/symfony_click", "postmark/symfony_link_click"])
def test_published_payloads_tell_agent_and_link(name: str) -> None:
    """As the ESPs' own documentation and other people's tests have them."""
    found = sighting_of(told((PUBLISHED / "payloads" / f"{name}.json").read_text()))
    assert found.agent and found.link


_KEYS = ["ip", "url", "click", "data", "client-info", "bot", "user_agent", "link_id", "network", "method", "event-data", "event", "purpose"]
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_KEYS), inner),
)


@given(st.text() | _VALUES.map(lambda value: orjson.dumps(value).decode()))
def test_whatever_a_payload_holds_it_is_read_or_says_nothing(raw: str) -> None:
    """No payload stops the scoring."""
    found = sighting_of(told(raw, kind=EventKind.CLICKED))
    assert found.agent is None or isinstance(found.agent, str)
