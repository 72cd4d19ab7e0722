"""What the people who run Letterpress are told."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy

from delivery.notices import gate_notice, mail_of, signature, webhook_body
from domain.audit import AuditEntry, Deed
from domain.ids import CampaignId, ContentVersion, SendId
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
