"""What the people who run Letterpress are told."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from delivery.notices import gate_notice, mail_of, rollout_notice, signature, webhook_body
from domain.audit import AuditEntry, Deed
from domain.ids import CampaignId, ContentVersion, ModelVersion, SendId
from domain.rollout import Look, Rollout, RolloutState, Verdict
from domain.send import Send

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
SEND = Send(SendId("weekly-1"), CampaignId("weekly"), AT, AT, ContentVersion("c"), None, 1, "folder", "http://x.example", "k")
WHY = "bounces: 12 of 200 letters (6.00%, the limit is 5.00%)"
TRIPPED = AuditEntry(
    AT, "letterpress", Deed.GATE_TRIPPED, SEND.send_id, WHY, {"bounces": 12, "bounces.letters": 200, "bounces.limit": 0.05}
)
NOTICE = gate_notice(SEND, TRIPPED)


def test_a_notice_says_what_happened_and_what_can_be_done() -> None:
    """Which gate, share, limit and counts; and the commands that decide."""
    assert NOTICE.title == "weekly-1 is paused: a gate tripped"
    for words in (WHY, "2026-11-23 10:30 UTC", "letterpress resume weekly-1", "letterpress cancel weekly-1"):
        assert words in NOTICE.text


def test_a_post_carries_it_as_json() -> None:
    """With figures for programs."""
    told = json.loads(webhook_body(NOTICE))
    assert told["kind"] == "gate_tripped" and told["send_id"] == "weekly-1" and told["at"] == "2026-11-23T10:30:00Z"
    assert told["facts"] == {"bounces": 12, "bounces.letters": 200, "bounces.limit": 0.05} and told["title"] == NOTICE.title


def test_a_signature_is_what_a_receiver_computes() -> None:
    """HMAC-SHA256 over time and body, with the standard library alone; another secret or body has another."""
    body = webhook_body(NOTICE)
    stamp, _, code = signature(body, "s3cret", AT).partition(",v1=")
    assert stamp == f"t={int(AT.timestamp())}"
    assert code == hmac.new(b"s3cret", stamp.removeprefix("t=").encode() + b"." + body, hashlib.sha256).hexdigest()
    assert len({signature(body, "s3cret", AT), signature(body, "other", AT), signature(body + b" ", "s3cret", AT)}) == 3


def test_a_mail_is_plain_text_that_any_program_reads() -> None:
    """Headers, and lines that end as RFC 5322 wants; no machine answers it."""
    letter = mail_of(NOTICE, "letters@fern.example", "ops@fern.example")
    read = message_from_bytes(letter.mime, policy=policy.default)
    assert (read["From"], read["To"], read["Subject"]) == ("letters@fern.example", "ops@fern.example", NOTICE.title)
    assert read["Auto-Submitted"] == "auto-generated" and read["Message-ID"] == f"<{letter.message_id}@fern.example>"
    assert read.get_content_type() == "text/plain" and read.get_content().replace("\r\n", "\n") == NOTICE.text
    assert b"\n" not in letter.mime.replace(b"\r\n", b"")
    assert (letter.sender, letter.address) == ("letters@fern.example", "ops@fern.example")


STANDS = Rollout(CampaignId("weekly"), ModelVersion("new"), ModelVersion("old"), "s", RolloutState.RAMPING, 1, AT, AT)
LOOKED = Look(STANDS.campaign, STANDS.candidate, AT, Verdict.ADVANCE, ("nothing speaks against it",))


def test_a_step_of_a_rollout_is_told_with_its_reasons() -> None:
    """Which model, for how many, why, and what can be done; of one that is over there is nothing left to do."""
    notice = rollout_notice(STANDS, LOOKED)
    assert notice.title == "weekly: new decides for 5% of the recipients outside the holdout now"
    assert "because: nothing speaks against it" in notice.text and "letterpress rollout rollback weekly" in notice.text
    told = json.loads(webhook_body(notice))
    assert told["kind"] == "rollout_ramping" and told["send_id"] is None and told["facts"]["share"] == 0.05
    back = rollout_notice(replace(STANDS, state=RolloutState.ROLLED_BACK), LOOKED)
    assert back.title == "weekly: new was rolled back" and "rollout rollback" not in back.text
    stuck = rollout_notice(STANDS, replace(LOOKED, verdict=Verdict.HOLD, reasons=("no verdict: the arms are 12 beside 900",)))
    assert "cannot be judged" in stuck.title and "12 beside 900" in stuck.text
    letters = [mail_of(one, "letters@fern.example", "ops@fern.example") for one in (notice, back)]
    assert letters[0].message_id != letters[1].message_id


@pytest.mark.parametrize("state", list(RolloutState))
def test_every_state_of_a_rollout_has_words(state: RolloutState) -> None:
    """None is told as a missing word."""
    assert rollout_notice(replace(STANDS, state=state), LOOKED).title.startswith("weekly: new ")
