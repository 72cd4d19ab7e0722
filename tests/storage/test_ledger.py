"""The ledger: what is claimed is claimed once, and only legal moves are made."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import CampaignId, ContentVersion, MessageId, RecipientId, SendId, message_id_of
from domain.ledger import TRANSITIONS, Claimed, ClaimRequest, Settlement, UnprintableMessage
from domain.message import MessageStatus, SuppressionReason
from domain.send import Send
from storage.database import Database
from storage.ledger import SqlLedger
from storage.recipients import Recipients
from storage.sends import Sends
from storage.suppressions import Suppressions
from tests.storage.frames import recipients_frame

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SEND = SendId("weekly-20261123T090000Z")

# How a message gets into each status from nothing, by settlements after a claim.
PATHS: dict[MessageStatus, tuple[MessageStatus, ...]] = {
    MessageStatus.PENDING: (MessageStatus.PENDING,),
    MessageStatus.SENDING: (),
    MessageStatus.ACCEPTED: (MessageStatus.ACCEPTED,),
    MessageStatus.REJECTED: (MessageStatus.REJECTED,),
    MessageStatus.UNKNOWN: (MessageStatus.UNKNOWN,),
}


def letter(number: int, address: str | None = None) -> ClaimRequest:
    """A letter to recipient r<number>."""
    who = RecipientId(f"r{number}")
    return ClaimRequest(message_id_of(SEND, who), SEND, who, 0, address or f"r{number}@example.org", f"payload{number}", "body")


def claim(ledger: SqlLedger, *letters: ClaimRequest, run_id: str = "run-1") -> Claimed:
    """Claim letters as one batch."""
    return ledger.claim(letters, run_id=run_id, esp="smtp", calls=alone, at=AT)


def alone(won: frozenset[MessageId]) -> dict[MessageId, str]:
    """A call for each letter."""
    return {message: f"call of {message}" for message in won}


def status_of(ledger: SqlLedger, who: str) -> MessageStatus:
    """Where a recipient's message stands."""
    entry = ledger.entry(SEND, RecipientId(who))
    assert entry is not None
    return entry.status


def test_new_letters_are_won(database: Database) -> None:
    """A claim of letters that the ledger has never seen wins them all and writes down what goes out."""
    ledger = SqlLedger(database)
    claimed = claim(ledger, letter(1), letter(2))
    assert claimed == Claimed(won=frozenset({letter(1).message_id, letter(2).message_id}), suppressed=frozenset(), held={})
    entry = ledger.entry(SEND, RecipientId("r1"))
    assert entry is not None
    assert (entry.status, entry.attempt, entry.payload_hash, entry.claimed_at) == (MessageStatus.SENDING, 1, "payload1", AT)


def test_claimed_letters_are_held(database: Database) -> None:
    """A letter that another run has claimed is not won again, and the claimer is told where it stands."""
    ledger = SqlLedger(database)
    claim(ledger, letter(1))
    again = claim(ledger, letter(1), letter(2), run_id="run-2")
    assert again.won == {letter(2).message_id}
    assert again.held == {letter(1).message_id: MessageStatus.SENDING}


def test_a_suppressed_address_is_excluded_at_the_claim(database: Database) -> None:
    """A suppression that came in after planning keeps the letter in, however the address is spelled."""
    Suppressions(database).add("R1@Example.org", SuppressionReason.COMPLAINED, AT)
    ledger = SqlLedger(database)
    claimed = claim(ledger, letter(1), letter(2))
    assert claimed.suppressed == {letter(1).message_id}
    assert ledger.counts(SEND) == {(MessageStatus.EXCLUDED, "suppressed"): 1, (MessageStatus.SENDING, None): 1}


def test_a_suppression_does_not_rewrite_what_went_out(database: Database) -> None:
    """A letter accepted before its address was suppressed stays accepted."""
    ledger = SqlLedger(database)
    claim(ledger, letter(1))
    ledger.settle([Settlement(letter(1).message_id, MessageStatus.ACCEPTED)], at=AT)
    Suppressions(database).add("r1@example.org", SuppressionReason.UNSUBSCRIBED, AT)
    assert claim(ledger, letter(1)).held == {letter(1).message_id: MessageStatus.ACCEPTED}


def test_given_back_letters_are_claimed_again(database: Database) -> None:
    """A letter that the ESP would not take yet can be claimed again, as a further attempt with the new bytes' hash."""
    ledger = SqlLedger(database)
    claim(ledger, letter(1))
    ledger.settle([Settlement(letter(1).message_id, MessageStatus.PENDING, "451 try later")], at=AT)
    assert claim(ledger, letter(1), run_id="run-2").won == {letter(1).message_id}
    entry = ledger.entry(SEND, RecipientId("r1"))
    assert entry is not None
    assert (entry.attempt, entry.status, entry.reason) == (2, MessageStatus.SENDING, None)


@pytest.mark.parametrize("start", PATHS)
@pytest.mark.parametrize("wish", MessageStatus)
def test_only_legal_moves_are_made(sqlite_database: Database, start: MessageStatus, wish: MessageStatus) -> None:
    """A settlement moves a message exactly if the table of transitions allows the move."""
    ledger = SqlLedger(sqlite_database)
    claim(ledger, letter(1))
    for step in (*PATHS[start], wish):
        ledger.settle([Settlement(letter(1).message_id, step)], at=AT)
    assert status_of(ledger, "r1") is (wish if wish in TRANSITIONS[start] else start)


def test_settlements_of_one_batch_may_differ(database: Database) -> None:
    """One call settles each message by its own answer, with reason and the ESP's id."""
    ledger = SqlLedger(database)
    claim(ledger, letter(1), letter(2), letter(3))
    answers = [
        Settlement(letter(1).message_id, MessageStatus.ACCEPTED, esp_message_id="esp-1"),
        Settlement(letter(2).message_id, MessageStatus.REJECTED, "550 no such mailbox"),
        Settlement(letter(3).message_id, MessageStatus.UNKNOWN, "connection lost"),
    ]
    ledger.settle(answers, at=AT + timedelta(seconds=1))
    assert [status_of(ledger, who) for who in ("r1", "r2", "r3")] == [answer.status for answer in answers]
    accepted = ledger.message(letter(1).message_id)
    assert accepted is not None
    assert (accepted.esp_message_id, accepted.answered_at) == ("esp-1", AT + timedelta(seconds=1))
    assert [entry.message_id for entry in ledger.unknowns(SEND)] == [letter(3).message_id]


def test_one_answer_for_many_letters_is_written_as_one_for_each(database: Database) -> None:
    """A call's yes, with its id, to hundreds; a few that were answered otherwise; and a message that may not move any more."""
    ledger = SqlLedger(database)
    claim(ledger, *map(letter, range(1_200)))
    ledger.settle([Settlement(letter(0).message_id, MessageStatus.REJECTED, "550 no")], at=AT)
    taken = [Settlement(letter(number).message_id, MessageStatus.ACCEPTED, esp_message_id="call-1") for number in range(1_100)]
    others = [
        Settlement(letter(number).message_id, MessageStatus.ACCEPTED, esp_message_id=f"own-{number}") for number in range(1_100, 1_110)
    ]
    back = [Settlement(letter(number).message_id, MessageStatus.PENDING, "429 later") for number in range(1_110, 1_200)]
    later = AT + timedelta(seconds=5)
    ledger.settle([*back, *taken, *others], at=later)
    assert ledger.counts(SEND) == {
        (MessageStatus.REJECTED, "550 no"): 1,
        (MessageStatus.ACCEPTED, None): 1_109,
        (MessageStatus.PENDING, "429 later"): 90,
    }
    entries = [ledger.entry(SEND, RecipientId(f"r{number}")) for number in (0, 1, 1_099, 1_100, 1_109, 1_199)]
    assert [entry and entry.esp_message_id for entry in entries] == [None, "call-1", "call-1", "own-1100", "own-1109", None]
    assert [entry and entry.answered_at for entry in entries] == [AT, later, later, later, later, None]


def test_unprintable_messages_are_failed_once(database: Database) -> None:
    """A message that cannot be printed is FAILED with its reason; recording it again, or claiming it, changes nothing."""
    ledger = SqlLedger(database)
    entry = UnprintableMessage(letter(1).message_id, SEND, RecipientId("r1"), 0, "hero/sale.mjml: first_name is undefined")
    ledger.record_unprintable([entry], at=AT)
    ledger.record_unprintable([entry], at=AT)
    assert claim(ledger, letter(1)).held == {letter(1).message_id: MessageStatus.FAILED}
    assert ledger.counts(SEND) == {(MessageStatus.FAILED, "hero/sale.mjml: first_name is undefined"): 1}


def test_orphans_become_unknown(database: Database) -> None:
    """What a dead run had claimed is UNKNOWN; what it had settled, and what others claimed, stays."""
    ledger = SqlLedger(database)
    claim(ledger, letter(1), letter(2), run_id="dead")
    claim(ledger, letter(3), run_id="alive")
    ledger.settle([Settlement(letter(2).message_id, MessageStatus.ACCEPTED)], at=AT)
    assert ledger.orphan(SEND, ["dead"], AT) == 1
    statuses = ledger.statuses(SEND)
    assert statuses == {"r1": MessageStatus.UNKNOWN, "r2": MessageStatus.ACCEPTED, "r3": MessageStatus.SENDING}
    assert claim(ledger, letter(1)).held == {letter(1).message_id: MessageStatus.UNKNOWN}


def test_the_statuses_of_some_recipients_are_those_alone(database: Database) -> None:
    """Whoever asks for some recipients is told about them, as far as the ledger knows them, and about nobody else."""
    ledger = SqlLedger(database)
    claim(ledger, letter(1), letter(2))
    assert ledger.statuses(SEND, [RecipientId("r1"), RecipientId("r9")]) == {"r1": MessageStatus.SENDING}
    assert ledger.statuses(SendId("another"), [RecipientId("r1")]) == {} == ledger.statuses(SEND, [])


def test_empty_work_is_no_error(database: Database) -> None:
    """Claiming, settling, recording and orphaning nothing does nothing."""
    ledger = SqlLedger(database)
    assert claim(ledger) == Claimed(frozenset(), frozenset(), {})
    ledger.settle([], at=AT)
    ledger.record_unprintable([], at=AT)
    assert ledger.orphan(SEND, [], AT) == 0


def test_a_large_batch_is_one_claim(database: Database) -> None:
    """A claim may be larger than the number of variables a statement can take."""
    ledger = SqlLedger(database)
    letters = [letter(number) for number in range(5_000)]
    assert len(claim(ledger, *letters).won) == 5_000
    assert len(claim(ledger, *letters).held) == 5_000


def test_concurrent_claims_win_each_letter_once(database: Database) -> None:
    """Six claimers who want the same letters in different orders win each of them once between them."""
    ledger = SqlLedger(database)
    letters = [letter(number) for number in range(120)]

    def work(worker: int) -> list[MessageId]:
        order = letters[worker * 20 :] + letters[: worker * 20]
        batches = [order[start : start + 10] for start in range(0, 120, 10)]
        return [message for batch in batches for message in claim(ledger, *batch, run_id=f"run-{worker}").won]

    with ThreadPoolExecutor(6) as pool:
        won = Counter(message for messages in pool.map(work, range(6)) for message in messages)
    assert won == Counter(one.message_id for one in letters)


def test_caps_see_what_may_have_gone_out(database: Database) -> None:
    """Letters accepted, unknown or under way count for caps and for campaigns sent once; refused and later ones do not."""
    Recipients(database).upsert(recipients_frame("r1", "r2", "r3", "r4"), AT)
    campaign = CampaignId("weekly")
    Sends(database).open(Send(SEND, campaign, AT, AT, ContentVersion("c1"), None, 1, "smtp", "http://127.0.0.1", "k1"), AT)
    ledger = SqlLedger(database)
    claim(ledger, letter(1), letter(2), letter(3), letter(4))
    settled = {1: MessageStatus.ACCEPTED, 2: MessageStatus.UNKNOWN, 3: MessageStatus.REJECTED}
    ledger.settle([Settlement(letter(number).message_id, status) for number, status in settled.items()], at=AT + timedelta(hours=1))
    assert dict(ledger.handed_off_since(AT)) == {"r1": AT + timedelta(hours=1), "r2": AT + timedelta(hours=1), "r4": AT}
    assert dict(ledger.handed_off_since(AT + timedelta(minutes=30))).keys() == {"r1", "r2"}
    assert ledger.handed_off_in_campaign(campaign) == {"r1", "r2", "r4"}
    assert ledger.handed_off_in_campaign(CampaignId("other")) == frozenset()


def test_calls_are_written_for_those_who_were_won(database: Database) -> None:
    """Asked for all beforehand, and once more for the others where some were not won; in the same transaction."""
    ledger, asked = SqlLedger(database), list[frozenset[MessageId]]()

    def together(won: frozenset[MessageId]) -> dict[MessageId, str]:
        asked.append(won)
        return dict.fromkeys(won, f"call of {len(won)}")

    first, second, third = letter(1), letter(2), letter(3)
    Suppressions(database).add(third.address, SuppressionReason.MANUAL, AT)
    claim(ledger, first)
    ledger.claim([first, second, third], run_id="run-2", esp="smtp", calls=together, at=AT)
    assert asked == [{first.message_id, second.message_id, third.message_id}, {second.message_id}]
    calls = {who: entry.batch for who in ("r1", "r2", "r3") if (entry := ledger.entry(SEND, RecipientId(who)))}
    assert calls == {"r1": f"call of {first.message_id}", "r2": "call of 1", "r3": None}


def test_what_is_in_doubt_can_be_asked_for(database: Database) -> None:
    """Whether anything is, who holds claims, which shards have letters given back, and who of a call is known to have it."""
    ledger = SqlLedger(database)
    assert (ledger.in_doubt(SEND), ledger.claimed_by(SEND), ledger.pending_shards(SEND)) == (False, frozenset(), frozenset())
    claim(ledger, letter(1), letter(2), run_id="one")
    claim(ledger, letter(3), run_id="other")
    assert ledger.in_doubt(SEND) and ledger.claimed_by(SEND) == {"one", "other"}
    ledger.settle(
        [Settlement(letter(1).message_id, MessageStatus.ACCEPTED), Settlement(letter(3).message_id, MessageStatus.PENDING)], at=AT
    )
    assert (ledger.claimed_by(SEND), ledger.pending_shards(SEND)) == ({"one"}, {0})
    calls = [f"call of {letter(number).message_id}" for number in (1, 2)]
    assert [entry.recipient_id for entry in ledger.accepted_in(SEND, calls)] == ["r1"]
    ledger.settle([Settlement(letter(2).message_id, MessageStatus.REJECTED, "no")], at=AT)
    assert not ledger.in_doubt(SEND)
