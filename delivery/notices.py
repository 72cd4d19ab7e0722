"""What Letterpress tells the people who run it, as words, as a signed POST and as a plain mail. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import orjson

from delivery.addresses import domain_of
from domain.audit import AuditEntry
from domain.hashing import key_of
from domain.ids import CampaignId, RecipientId, SendId, digest, notice_id_of
from domain.message import Letter
from domain.rollout import ENDED, Look, Rollout, RolloutState, Verdict
from domain.send import Send
from domain.serving import ServedLatency

SIGNATURE_HEADER = "Letterpress-Signature"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person has to decide or know about. `facts` for programs; nothing in it is about recipients.

    `send_id` is None for what is about a campaign and no send of it.
    """

    kind: str
    send_id: SendId | None
    campaign: CampaignId
    at: datetime
    title: str
    text: str
    facts: Mapping[str, str | int | float]

    @property
    def about(self) -> SendId:
        """What it is about: a send, or a campaign."""
        return self.send_id or SendId(self.campaign)


def gate_notice(send: Send, tripped: AuditEntry) -> Notice:
    """A gate tripped: what it was, as the audit trail has it, and what can be done."""
    title = f"{send.send_id} is paused: a gate tripped"
    text = (
        f"At {tripped.at:%Y-%m-%d %H:%M} UTC the send {send.send_id} paused itself, because a gate tripped:\n\n"
        f"  {tripped.why}\n\n"
        "Nothing more of it is handed off until somebody decides:\n\n"
        f"  letterpress status {send.send_id}    shows how it stands\n"
        f"  letterpress resume {send.send_id}    goes on; the letters that are out are accepted, those to come are judged afresh\n"
        f"  letterpress cancel {send.send_id}    ends it for good\n"
    )
    return Notice("gate_tripped", send.send_id, send.campaign, tripped.at, title, text, tripped.detail)


def rollout_notice(rollout: Rollout, look: Look) -> Notice:
    """A rollout has taken a step, or cannot take any: which, why, and what can be done."""
    campaign, share = rollout.campaign, f"{rollout.share:.0%} of the recipients outside the holdout" if rollout.share else "nobody"
    stuck = look.verdict is Verdict.HOLD and rollout.state is not RolloutState.HELD
    title = f"{campaign}: {rollout.candidate} " + (_STUCK if stuck else _STEPS[rollout.state]).format(share=share)
    text = (
        f"At {look.at:%Y-%m-%d %H:%M} UTC the rollout of {rollout.candidate} in the campaign {campaign} was looked at ({look.who}).\n\n"
        f"  {title}\n" + "".join(f"  because: {reason}\n" for reason in look.reasons) + "\n"
        f"  letterpress rollout status {campaign}      shows how it stands\n"
    )
    if rollout.state not in ENDED:
        text += f"  letterpress rollout hold {campaign}        lets it stand still\n"
        text += f"  letterpress rollout rollback {campaign}    gives everyone back to {rollout.incumbent}\n"
    facts = {"candidate": rollout.candidate, "incumbent": rollout.incumbent, "state": rollout.state.value, "share": rollout.share}
    return Notice(f"rollout_{rollout.state}", None, campaign, look.at, title, text, facts | {"because": "; ".join(look.reasons)})


def serving_notice(campaign: CampaignId, slow: ServedLatency, allowed_ms: float, at: datetime) -> Notice:
    """Pages are answered too slowly: by which process, how slowly, and where to look."""
    title = f"{campaign}: placements are answered slowly, p99 {slow.p99_ms:.1f} ms"
    text = (
        f"At {slow.at:%Y-%m-%d %H:%M} UTC the process {slow.process} of `letterpress serve` had answered {slow.requests:,} requests\n"
        f"for placements within {slow.minutes:g} minutes; one in a hundred took longer than {slow.p99_ms:.1f} ms. {allowed_ms:g} ms are\n"
        "allowed (serving_p99_ms). Visitors get what was decided for them, or the default, all the same. Rollouts stay at their stage\n"
        "meanwhile.\n\n"
        "  /metrics of that process tells how long answers take, and how many defaults were shown and why (docs/serving.md)\n"
    )
    facts: dict[str, str | int | float] = {
        "process": slow.process,
        "p99_ms": slow.p99_ms,
        "allowed_ms": allowed_ms,
        "requests": slow.requests,
        "defaults": slow.defaults,
    }
    return Notice("serving_slow", None, campaign, at, title, text, facts)


_STUCK = "decides for {share} and cannot be judged"
_STEPS = {
    RolloutState.SHADOW: "decides in the shadow",
    RolloutState.RAMPING: "decides for {share} now",
    RolloutState.HELD: "is held and goes on deciding for {share}",
    RolloutState.WATCHING: "decides for {share} now, and is watched",
    RolloutState.PROMOTED: "has taken over",
    RolloutState.ROLLED_BACK: "was rolled back",
    RolloutState.REPLACED: "was replaced by a newer candidate, before anything of it was served",
}


def webhook_body(notice: Notice) -> bytes:
    """The notice as one JSON object."""
    fields = {name: getattr(notice, name) for name in Notice.__slots__} | {"facts": dict(notice.facts)}
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def signature(body: bytes, secret: str, at: datetime) -> str:
    """`t=SECONDS,v1=HEX`: HMAC-SHA256 over the seconds since 1970, a dot and the body. The time lets a receiver refuse old ones."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={hmac.new(secret.encode(), f'{seconds}.'.encode() + body, hashlib.sha256).hexdigest()}"


def mail_of(notice: Notice, sender: str, to: str) -> Letter:
    """The notice as a plain-text mail, as every ESP takes letters. It is in no send's ledger."""
    message_id = notice_id_of(notice.kind, notice.about, notice.at)
    mail = EmailMessage(policy=SMTP)
    headers = {"From": sender, "To": to, "Subject": notice.title, "Date": format_datetime(notice.at)}
    for name, value in (headers | {"Message-ID": f"<{message_id}@{domain_of(sender)}>", "Auto-Submitted": "auto-generated"}).items():
        mail[name] = value
    mail.set_content(notice.text)
    written = mail.as_bytes()
    return Letter(
        message_id=message_id,
        send_id=notice.about,
        recipient_id=RecipientId(""),
        sender=sender,
        address=to,
        pieces=(written,),
        payload_hash=digest(written.decode("latin-1")),
        body_hash=f"{key_of(notice.text):x}",
    )
