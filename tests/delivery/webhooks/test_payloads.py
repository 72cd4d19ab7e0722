"""Payloads that others published: each gives the events that its provider's documentation says, or a clear UNKNOWN."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from delivery.webhooks.posts import RawPost
from delivery.webhooks.providers import PROVIDERS
from domain.bounce import BounceCause, BounceClass
from domain.event import EventKind, Heard
from domain.message import SuppressionReason
from tests.published import PUBLISHED, needs_published_data

FOLDER = PUBLISHED / "payloads"

# Provider → file (without what it begins with) → kinds, in their order.
EXPECTED: Mapping[str, Mapping[str, str]] = {
    "brevo": {
        "symfony_blocked": "dropped",
        "symfony_click": "clicked",
        "symfony_complaint": "complained",
        "symfony_defered": "deferred",
        "symfony_delivered": "delivered",
        "symfony_error": "dropped",  # its event is invalid_email
        "symfony_hard_bounce": "bounced",
        "symfony_invalid_email": "dropped",
        "symfony_opened": "opened",
        "symfony_proxy_open": "opened",
        "symfony_request": "accepted",
        "symfony_request_without_tags": "accepted",
        "symfony_soft_bounce": "bounced",
        "symfony_unique_opened": "opened",
        "symfony_unsubscribed": "unsubscribed",
    },
    "mailchimp": {
        "symfony_batch": "clicked deferred",
        "symfony_click": "clicked",
        "symfony_deferral": "deferred",
        "symfony_delivered": "delivered",
        "symfony_hard_bounce": "bounced",
        "symfony_opens": "opened",
        "symfony_reject": "dropped",
        "symfony_send": "accepted",
        "symfony_soft_bounce": "bounced",
        "symfony_spam": "complained",
        "symfony_unsub": "unsubscribed",
    },
    "mailgun": {
        "symfony_accepted": "accepted",
        "symfony_clicks": "clicked",
        "symfony_delivered_messages": "delivered",
        "symfony_opens": "opened",
        "symfony_permanent_failure": "bounced",
        "symfony_permanent_failure_no_description": "bounced",
        "symfony_spam_complaints": "complained",
        "symfony_suppression_failure": "dropped",
        "symfony_temporary_failure": "deferred",
        "symfony_unsubscribes": "unsubscribed",
    },
    "mailjet": {
        "symfony_blocked": "dropped",
        "symfony_bounce": "bounced",
        "symfony_click": "clicked",
        "symfony_open": "opened",
        "symfony_sent": "delivered",
        "symfony_spam": "complained",
        "symfony_unsub": "unsubscribed",
    },
    "postmark": {
        "hookdeck_00_event_payload_structure": "bounced",
        "official_00_delivery": "delivered",
        "official_01_bounce": "bounced",
        "official_02_spam_complaint": "complained",
        "official_03_open": "opened",
        "official_04_click": "clicked",
        "official_05_subscription_change": "unsubscribed",
        "symfony_bounce": "bounced",
        "symfony_delivery": "delivered",
        "symfony_link_click": "clicked",
        "symfony_open": "opened",
        "symfony_spam_complaint": "complained",
        "symfony_subscription_change": "bounced",  # its reason is a hard bounce: nobody asked to leave
    },
    "resend": {
        "hookdeck_00_event_payload_structure": "delivered",
        "hookdeck_01_inbound_email_payload_email_re": "unknown",  # mail that came in
        "symfony_sent": "accepted",
        "vector_svix_signature": "unknown",  # {"test": …}
        "vector_symfony_signed_sent": "accepted",
    },
    "sendgrid": {
        "hookdeck_00_event_payload_structure": "delivered",
        "officialdocs_00_events": "accepted deferred delivered opened clicked bounced dropped complained "
        "unsubscribed unsubscribed resubscribed",
        "officialdocs_01_json_objects": "opened opened",
        "officialdocs_02_json_objects": "opened opened",
        "officialdocs_03_unique_arguments": "clicked",
        "officialdocs_04_the_resulting_webhook_call": "accepted",
        "officialdocs_05_custom_arguments": "unknown",  # a call to SendGrid, no event
        "officialdocs_06_example_event_from_a_single_se": "opened",
        "officialdocs_07_example_event_from_a_standard_": "accepted",
        "officialdocs_08_example_event_from_an_a_b_test": "accepted",
        "officialdocs_09_example_event_from_the_winning": "delivered",
        "officialdocs_10_legacy_marketing_email_unsubsc": "unsubscribed",
        "officialdocs_11_legacy_marketing_email_unsubsc": "accepted",
        "officialdocs_12_click": "clicked",
        "symfony_batch": "dropped clicked",
        "symfony_webhook": "dropped",
        "vector_signature_multiple": "accepted bounced",
        "vector_signature_single": "dropped",
    },
    "ses": {"dittofeed_bounce_transient_mailboxfull_with_tags": "bounced"},
}
FILES = [(provider, name) for provider, names in EXPECTED.items() for name in names]


def heard(provider: str, name: str) -> list[Heard]:
    """What a payload gives."""
    path = FOLDER / provider / f"{name}.json"
    body = json.loads(path.read_text())["raw_body"].encode() if name.startswith("vector_") else path.read_bytes()
    return list(PROVIDERS[provider].understand(RawPost({}, body)))


@needs_published_data
def test_every_payload_is_in_the_table() -> None:
    """No payload under ../shared/data/payloads is left out."""
    there = {(path.parent.name, path.stem) for path in FOLDER.glob("*/*.json")} - {("mailgun", "vector_symfony_key")}
    assert there == set(FILES)


@needs_published_data
@pytest.mark.parametrize(("provider", "name"), FILES)
def test_payloads(provider: str, name: str) -> None:
    """The right events, each with a key of its own, an address and an instant, and a raw text that gives the same event again."""
    told = heard(provider, name)
    assert " ".join(one.kind for one in told) == EXPECTED[provider][name]
    assert len({one.key for one in told}) == len(told)
    for one in told:
        if one.kind is not EventKind.UNKNOWN and not name.startswith("hookdeck_00_event_payload"):
            assert one.address and one.occurred_at and one.occurred_at.year > 1970
        again = PROVIDERS[provider].understand(RawPost({}, one.raw.encode()))
        assert [each.kind for each in again] == [one.kind]
        assert isinstance(json.loads(one.raw), dict)


@needs_published_data
def test_particulars() -> None:
    """What stands in the payloads beside kind and address arrives too."""
    [bounced] = heard("ses", "dittofeed_bounce_transient_mailboxfull_with_tags")
    assert bounced.bounce and (bounced.bounce.kind, bounced.bounce.cause, bounced.bounce.status) == (
        BounceClass.SOFT,
        BounceCause.FULL,
        "4.4.7",
    )
    assert (bounced.suppresses, bounced.esp_message_id) == (None, "010001888ac8bf5b-99942de2-5785-4fc9-bc3e-3e9e599e9999-000000")
    assert bounced.occurred_at == datetime(2024, 11, 30, 15, 56, 37, 407_000, UTC)
    [clicked] = heard("postmark", "symfony_link_click")
    assert (clicked.url, clicked.ip) == ("https://example.com", "188.2.95.4")
    assert clicked.user_agent and clicked.user_agent.startswith("Mozilla/5.0 (Macintosh")
    [hard] = heard("brevo", "symfony_hard_bounce")
    assert hard.bounce and (hard.bounce.kind, hard.bounce.status, hard.suppresses) == (
        BounceClass.HARD,
        "5.1.1",
        SuppressionReason.HARD_BOUNCED,
    )
    assert "@" not in hard.bounce.said
    [proxied] = heard("brevo", "symfony_proxy_open")
    assert proxied.machine is True
    [single] = heard("sendgrid", "officialdocs_06_example_event_from_a_single_se")
    assert single.occurred_at == datetime(2020, 6, 9, 18, 19, 12, 372_000, UTC)


@needs_published_data
def test_keys_are_those_of_the_providers() -> None:
    """Where the provider has an id for an event it is in the key; the two events to which a fixture gives one id stay two."""
    [one] = heard("mailgun", "symfony_opens")
    assert one.key == "Ase7i2zsRYeDXztHGENqRA|1521243339.873676|opened"
    dropped, clicked = heard("sendgrid", "symfony_batch")
    assert dropped.key.startswith("ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA|") and dropped.key != clicked.key
    [bounce], [complaint] = heard("postmark", "official_01_bounce"), heard("postmark", "official_02_spam_complaint")
    assert bounce.key == "bounce|42|883953f4-6105-42a2-a16a-77a8eac79483" != complaint.key


def test_the_table_is_of_providers() -> None:
    """Every provider of the table has a parser."""
    assert set(EXPECTED) <= set(PROVIDERS)
    assert Path(FOLDER).name == "payloads"
