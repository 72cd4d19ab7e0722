"""Bounces are read by the server's words, its codes, and what the ESP makes of it; nobody is given up for what is our fault."""

import re
import tomllib
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.webhooks.bounces import bounce_of
from domain.bounce import CLASS_OF, Bounce, BounceCause, BounceClass
from tests.published import PUBLISHED, needs_published_data

HARD, SOFT, BLOCKED, UNDETERMINED = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCKED, BounceClass.UNDETERMINED
C = BounceCause

REPLIES = [
    ("smtp; 550-5.1.1 The email account that you tried to reach does not exist.", HARD, C.NO_MAILBOX, "5.1.1"),
    ("550 5.4.1 Recipient address rejected: Access denied. [AM4PEPF0]", HARD, C.NO_MAILBOX, "5.4.1"),
    ("554 delivery error: dd This user doesn't have a yahoo.com account", HARD, C.NO_MAILBOX, None),
    ("550 No such user - psmtp", HARD, C.NO_MAILBOX, None),
    ("450 4.1.1 <ada@example.org>: Recipient address rejected: unverified address", SOFT, C.NO_MAILBOX, "4.1.1"),
    ("450-4.2.1 The user you are trying to contact is receiving mail too quickly", SOFT, C.INACTIVE, "4.2.1"),
    ("452-4.2.2 The recipient's inbox is out of storage space", SOFT, C.FULL, "4.2.2"),
    ("552 5.2.2 The email account that you tried to reach is over quota", SOFT, C.FULL, "5.2.2"),
    ("552 5.2.2 The email account is over quota and inactive p=OverQuotaPerm", HARD, C.INACTIVE, "5.2.2"),
    ("550-5.7.26 This message does not pass authentication checks (SPF and DKIM)", BLOCKED, C.AUTHENTICATION, "5.7.26"),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", BLOCKED, C.REPUTATION, "4.7.0"),
    ("550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", BLOCKED, C.REPUTATION, "5.7.1"),
    ("550 5.7.1 [CS] Message blocked. It looks like spam", BLOCKED, C.SPAM, "5.7.1"),
    ("556 5.1.10 Recipient address has a null MX", HARD, C.NO_DOMAIN, "5.1.10"),
    ("451 4.7.1 Greylisting in action, please come back later", SOFT, C.RATE, "4.7.1"),
    ("554 5.4.7 Delivery expired (message too old)", SOFT, C.UNREACHABLE, "5.4.7"),
    ("552 5.3.4 Message size exceeds fixed maximum message size", BLOCKED, C.TOO_LARGE, "5.3.4"),
    ("550 5.1.1", HARD, C.NO_MAILBOX, "5.1.1"),
    ("550", UNDETERMINED, C.OTHER, None),
    ("552", SOFT, C.FULL, None),
    ("421", SOFT, C.FAILING, None),
    ("", UNDETERMINED, C.OTHER, None),
    ("4.16.55.1 is not a status, nor is 10.5.1.1", UNDETERMINED, C.OTHER, None),
]


@pytest.mark.parametrize(("text", "kind", "cause", "status"), REPLIES)
def test_replies(text: str, kind: BounceClass, cause: BounceCause, status: str | None) -> None:
    """Replies of large providers, as they word them."""
    found = bounce_of(text)
    assert (found.kind, found.cause, found.status) == (kind, cause, status)


VERDICTS = [
    ("550 5.1.1 user unknown", HARD, HARD),
    ("550 something", HARD, HARD),
    ("", HARD, HARD),
    ("550 5.7.1 listed at spamhaus", HARD, BLOCKED),  # ESPs call blocks hard bounces; the mailbox is there
    ("552 mailbox full", HARD, SOFT),
    ("554 5.4.7 expired", HARD, HARD),
    ("550 5.1.1 user unknown", SOFT, HARD),  # said for good by the server itself
    ("450 4.1.1 user unknown", SOFT, SOFT),
    ("550 account disabled", SOFT, SOFT),
    ("user unknown", SOFT, SOFT),
    ("550 5.7.1 listed at spamhaus", SOFT, BLOCKED),
    ("", SOFT, SOFT),
    ("", BLOCKED, BLOCKED),
    ("550 5.1.1 user unknown", BLOCKED, HARD),
    ("550 5.1.1 user unknown", UNDETERMINED, HARD),
    ("", UNDETERMINED, UNDETERMINED),
]


@pytest.mark.parametrize(("text", "verdict", "kind"), VERDICTS)
def test_beside_the_esps_verdict(text: str, verdict: BounceClass, kind: BounceClass) -> None:
    """An ESP's verdict holds unless the server's own words say the opposite."""
    assert bounce_of(text, verdict=verdict).kind is kind


def test_nothing_of_the_person() -> None:
    """What is kept of the server's words has no address, and nothing that differs from letter to letter."""
    said = bounce_of("550 5.1.1 <ada.lovelace@example.org>: unknown g14-20020a5d698e000000b0030aefbb8608si2668200wru.496 - gsmtp").said
    assert "lovelace" not in said and "example.org" not in said and "20020a5d" not in said
    assert said.startswith("550 5.1.1")


@given(st.text(), st.none() | st.text(max_size=10), st.none() | st.sampled_from(BounceClass), st.none() | st.sampled_from(BounceCause))
def test_any_text(text: str, status: str | None, verdict: BounceClass | None, cause: BounceCause | None) -> None:
    """Whatever is said: a class and a cause, the same for the same; temporary refusals without a verdict are never hard."""
    found = bounce_of(text, status=status, verdict=verdict, cause=cause)
    assert isinstance(found, Bounce) and found == bounce_of(text, status=status, verdict=verdict, cause=cause)
    if verdict is None and (found.status or "").startswith("4"):
        assert found.kind is not HARD


@given(st.from_regex(r"4\.\d\.\d{1,2}", fullmatch=True), st.sampled_from([reply[0][4:] for reply in REPLIES]))
def test_for_now_is_not_for_good(status: str, words: str) -> None:
    """No refusal for now is a hard bounce, whatever its words."""
    assert bounce_of(words, status=status).kind is not HARD


def test_every_cause_has_a_class() -> None:
    """The table is complete."""
    assert set(CLASS_OF) == set(BounceCause)


# What KumoMTA's rules call it → what it may be here.
KUMO: Mapping[str, set[BounceClass]] = {
    "InvalidRecipient": {HARD},
    "BadDomain": {HARD},
    "InactiveMailbox": {HARD},
    "InvalidSender": {BLOCKED},
    "QuotaIssues": {SOFT, BLOCKED},  # too large for the system
    "NoAnswerFromHost": {SOFT},
    "BadConnection": {SOFT},
    "DNSFailure": {SOFT, HARD},
    "RoutingErrors": {SOFT, BLOCKED},
    "TransientFailure": {SOFT},
    "MessageExpired": {SOFT},
    "ProtocolErrors": {BLOCKED, SOFT},
    "AuthenticationFailed": {BLOCKED},
    "PolicyRelated": {BLOCKED, SOFT},
    "SpamBlock": {BLOCKED},
    "SpamContent": {BLOCKED},
    "TooManyRecipients": {SOFT},
}
# Where we differ, and why.
DIFFERENT = {
    "OverQuotaPerm": HARD,  # listed there as full and as inactive; Google says inactive
    "Recipient address rejected: Access denied": HARD,  # Microsoft's words for a recipient whom nobody knows
    "may not exist, they may be blacklisted": BLOCKED,  # says that it does not know: nobody is given up for that
}


def _kumo() -> Iterator[tuple[str, str]]:
    for name in ("community_bounces", "bounce_classifier_iana"):
        path = PUBLISHED / "payloads" / "bounce" / f"kumomta_assets_{name}.toml"
        rules = tomllib.loads(path.read_text())["rules"] if path.exists() else {}
        yield from ((kind, pattern) for kind, patterns in rules.items() for pattern in patterns)


def _example(pattern: str) -> str:
    """A reply that such a rule is about: the first of what it leaves open."""
    text = re.sub(
        r"\\d\{(\d)\}", lambda times: "50"[: int(times.group(1))] if times.group(1) == "2" else "550", pattern.lstrip("^").rstrip("$")
    )
    for written, plain in (
        (r"\\d\+", "1"),
        (r"\[45\]", "5"),
        (r"\((\d+)\|[^)]*\)", r"\1"),
        (r"\[(\d)\d*\]", r"\1"),
        (r"\.[+*]", " x "),
        (r"\\(.)", r"\1"),
    ):
        text = re.sub(written, plain, text)
    return text


@needs_published_data
@pytest.mark.parametrize(("kind", "pattern"), list(_kumo()))
def test_as_kumomta_has_it(kind: str, pattern: str) -> None:
    """Replies for which KumoMTA has a rule get the class that its rule implies."""
    found = bounce_of(_example(pattern))
    expected = next(({other} for words, other in DIFFERENT.items() if words in _example(pattern)), KUMO[kind])
    assert found.kind in expected, (_example(pattern), found)
