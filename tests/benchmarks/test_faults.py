"""The benchmark `faults` sees what it counts, and does to each send what its seed says."""

from collections import Counter
from random import Random

import pytest

from benchmarks.faulting.judging import judge
from benchmarks.faulting.killing import Moment, Run, kills_of
from benchmarks.faulting.providers import KINDS, PROVIDERS, faults_for, holding
from benchmarks.faults import Cell, figures_of
from domain.ids import MessageId
from domain.message import MessageStatus
from simulator.esp.faults import Fault, parse_faults
from simulator.esp.providers import SCOPES

ONE, TWO, THREE = (MessageId(name) for name in ("one", "two", "three"))
ANY = PROVIDERS["sendgrid"]
ALL = frozenset({ONE, TWO, THREE})
ACCEPTED, UNKNOWN, REJECTED = MessageStatus.ACCEPTED, MessageStatus.UNKNOWN, MessageStatus.REJECTED


def account(handed_off: int, **parts: int) -> dict[str, object]:
    """An account as `letterpress status` tells it; `parts` by reason "why"."""
    reasons = {name: {"why": parts[name]} if parts.get(name) else {} for name in ("excluded", "failed", "unknown")}
    return {"audience": handed_off + sum(parts.values()), "handed_off": handed_off, "pending": 0, "adds_up": True, **reasons}


def test_a_send_that_went_well_is_judged_so() -> None:
    """Everybody once, and the unknown one is unknown whether or not it was taken."""
    for taken in ({ONE: 1, TWO: 1, THREE: 1}, {ONE: 1, TWO: 1}):
        verdict = judge(ALL, taken, {ONE: ACCEPTED, TWO: ACCEPTED, THREE: UNKNOWN}, account(2, unknown=1, excluded=4))
        assert (verdict.duplicates, verdict.lost_unlisted, verdict.unknown, verdict.adds_up) == (0, 0, 1, True)


def test_every_acceptance_beyond_the_first_is_a_duplicate() -> None:
    """Three of one message are two duplicates."""
    assert judge(ALL, {ONE: 3, TWO: 1, THREE: 1}, dict.fromkeys(ALL, ACCEPTED), account(3)).duplicates == 2


@pytest.mark.parametrize("status", [ACCEPTED, MessageStatus.PENDING, MessageStatus.SENDING, None])
def test_what_was_never_taken_and_is_not_listed_is_lost(status: MessageStatus | None) -> None:
    """Said to be handed off, or still waiting, or not in the ledger at all."""
    statuses = {ONE: ACCEPTED, TWO: ACCEPTED} | ({THREE: status} if status else {})
    assert judge(ALL, {ONE: 1, TWO: 1}, statuses, account(3)).lost_unlisted == 1


def test_a_ledger_that_contradicts_the_book_does_not_add_up() -> None:
    """A letter that is listed as failed and went out; one that nobody asked for; an account that counts otherwise than the ledger."""
    failed = {ONE: ACCEPTED, TWO: ACCEPTED, THREE: REJECTED}
    assert judge(ALL, {ONE: 1, TWO: 1}, failed, account(2, failed=1)).adds_up
    assert not judge(ALL, {ONE: 1, TWO: 1, THREE: 1}, failed, account(2, failed=1)).adds_up
    assert not judge(ALL, {ONE: 1, TWO: 1, "stranger": 1}, failed, account(2, failed=1)).adds_up
    assert not judge(ALL, {ONE: 1, TWO: 1}, failed, account(3)).adds_up


def test_the_same_seed_kills_at_the_same_moments() -> None:
    """One to three kills, at moments of each kind; another seed has others."""
    drawn = [kills_of(Random(seed)) for seed in range(300)]
    assert drawn == [kills_of(Random(seed)) for seed in range(300)]
    assert {len(kills) for kills in drawn} == {1, 2, 3}
    assert len({kills[0].share for kills in drawn}) == 300
    assert {kill.moment for kills in drawn for kill in kills} == set(Moment)


def test_faults_are_what_the_simulator_reads() -> None:
    """Every kind with its share; while answers are held back every call is taken, and nothing else goes wrong."""
    plan = parse_faults("seed=7," + faults_for(ANY, 1_000, each=2.0), scopes=SCOPES)
    assert plan.seed == 7
    assert plan.shares == {("", Fault(kind)): 0.002 for kind in KINDS}
    assert parse_faults(faults_for(ANY, 0, each=0.0), scopes=SCOPES).shares == {}
    assert parse_faults(holding(faults_for(ANY, 1_000, each=2.0)), scopes=SCOPES).shares == {("", Fault.LATE): 1.0}
    assert set(PROVIDERS) <= set(SCOPES)


def test_figures_are_sums_over_the_runs() -> None:
    """By database and provider, and in all; one account that does not add up is seen in both."""
    good = judge(ALL, {ONE: 1, TWO: 1, THREE: 1}, {ONE: ACCEPTED, TWO: ACCEPTED, THREE: UNKNOWN}, account(2, unknown=1))
    bad = judge(ALL, {ONE: 2, TWO: 1, THREE: 1}, dict.fromkeys(ALL, ACCEPTED), account(2))
    runs = [Run(verdict, 1, 10, 2, 3, 4.0, Counter(late=2)) for verdict in (good, bad)]
    figures = figures_of({"sqlite": {"resend": Cell(runs[:1])}, "postgresql": {"smtp": Cell(runs, two_workers=1)}})
    assert (figures["runs"], figures["duplicates"], figures["unknown"], figures["counts_add_up"]) == (3, 1, 2, False)
    assert figures["unknown_where_remembered"] == 1
    cell = figures["postgresql"]["smtp"]  # type: ignore[index,call-overload]
    assert (cell["runs"], cell["two_workers"], cell["counts_add_up"], cell["kills"], cell["faults"]) == (2, 1, 1, 2, 4)
