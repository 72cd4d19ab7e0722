"""Assignment to holdout and arms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from domain.campaign import Holdout
from domain.decision import Arm
from domain.hashing import bucket_of
from domain.ids import RecipientId, SendId
from experiments.assignment import Draw, arms, by_candidate, expected_shares, in_explore, in_holdout, in_rollout

N = 40_000
IDS = [RecipientId(f"r{i}") for i in range(N)]
ADDRESSES = [f"person{i}@mail.example" for i in range(N)]
SEND = SendId("weekly-20261123T090000Z")


@settings(deadline=None)
@given(
    addresses=st.lists(st.text(min_size=1, max_size=12), max_size=40),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    salt=st.text(max_size=5),
)
def test_growth_is_nested(addresses: list[str], shares: list[float], salt: str) -> None:
    """Whoever is in a holdout stays in it when its share grows."""
    smaller, larger = (in_holdout(addresses, Holdout(share, salt)) for share in shares)
    assert not (smaller & ~larger).any()


@settings(deadline=None)
@given(st.permutations(range(30)))
def test_order_does_not_matter(order: list[int]) -> None:
    """A recipient's arm does not depend on where in which list they stand."""
    whole = arms(IDS[:30], ADDRESSES[:30], send_id=SEND, holdout=Holdout(0.3), explore=0.3)
    shuffled = arms([IDS[i] for i in order], [ADDRESSES[i] for i in order], send_id=SEND, holdout=Holdout(0.3), explore=0.3)
    assert shuffled.tolist() == whole[order].tolist()


def test_one_mailbox_one_side() -> None:
    """Spellings of one mailbox are on the same side of the holdout, whatever the recipient ids."""
    spellings = [address.upper() + " " for address in ADDRESSES[:200]]
    assert (in_holdout(spellings, Holdout(0.5)) == in_holdout(ADDRESSES[:200], Holdout(0.5))).all()


def test_holdout_is_sticky_and_explore_is_not() -> None:
    """The holdout is the same in every send; the explore arm is drawn anew for each."""
    other = SendId("weekly-20261130T090000Z")
    first, second = (arms(IDS, ADDRESSES, send_id=send, holdout=Holdout(0.1), explore=0.1) for send in (SEND, other))
    assert ((first == Arm.HOLDOUT) == (second == Arm.HOLDOUT)).all()
    assert chi2_contingency(_table(first == Arm.EXPLORE, second == Arm.EXPLORE, first != Arm.HOLDOUT)).pvalue > 1e-4


def test_a_new_salt_draws_anew() -> None:
    """Another salt draws a holdout that is independent of the former."""
    former, drawn = (in_holdout(ADDRESSES, Holdout(0.2, salt)) for salt in ("holdout-1", "holdout-2"))
    assert chi2_contingency(_table(former, drawn)).pvalue > 1e-4


@pytest.mark.parametrize(("share", "explore"), [(0.1, 0.05), (0.5, 0.5), (0.0, 0.1), (0.1, 0.0)])
def test_shares_are_kept(share: float, explore: float) -> None:
    """Arms are as large as their shares say, within what chance allows; a share of 0 is empty."""
    found = arms(IDS, ADDRESSES, send_id=SEND, holdout=Holdout(share), explore=explore)
    expected = {arm: part for arm, part in expected_shares(Holdout(share), explore).items() if part}
    observed = [int((found == arm).sum()) for arm in expected]
    assert sum(observed) == N
    assert chisquare(observed, [N * part for part in expected.values()]).pvalue > 1e-4


def test_everyone() -> None:
    """A share of 1 takes everyone."""
    assert set(arms(IDS[:500], ADDRESSES[:500], send_id=SEND, holdout=Holdout(1.0), explore=0.5)) == {Arm.HOLDOUT}


def test_holdout_explore_and_bucket_are_independent() -> None:
    """Holdout, explore and bucket tell nothing of each other: shards and waves are fair samples of every arm."""
    held, exploring = in_holdout(ADDRESSES, Holdout(0.2)), in_explore(IDS, SEND, 0.2)
    low = np.array([bucket_of(recipient) < 16_384 for recipient in IDS])
    for one, other in ((held, exploring), (held, low), (exploring, low)):
        assert chi2_contingency(_table(one, other)).pvalue > 1e-4


def test_independent_of_bucket_by_address() -> None:
    """Also where the recipient id is the address itself, holdout and bucket are independent."""
    held = in_holdout(ADDRESSES, Holdout(0.2))
    low = np.array([bucket_of(address) < 16_384 for address in ADDRESSES])
    assert chi2_contingency(_table(held, low)).pvalue > 1e-4


def _table(one: np.ndarray, other: np.ndarray, among: np.ndarray | None = None) -> list[list[int]]:
    among = np.ones(len(one), dtype=bool) if among is None else among
    return [[int((among & (one == a) & (other == b)).sum()) for b in (False, True)] for a in (False, True)]


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=5).map(sorted), st.text(max_size=8), st.floats(0, 0.5))
def test_nobody_goes_back_from_the_candidate_as_its_share_grows(shares: list[float], salt: str, held: float) -> None:
    """Whatever shares and salts: who is the candidate's stays so, in this send and the next, the holdout is never touched, and those who
    explore are decided for by the model that would decide for them else."""
    people, mailboxes, holdout = IDS[:300], ADDRESSES[:300], Holdout(held)
    before = np.zeros(300, dtype=bool)
    for number, share in enumerate(shares):
        draw = Draw(salt, share)
        found = arms(people, mailboxes, send_id=SendId(f"weekly-{number}"), holdout=holdout, explore=0.1, rollout=draw)
        assert ((found == Arm.HOLDOUT) == in_holdout(mailboxes, holdout)).all()
        theirs = by_candidate(mailboxes, found, draw)
        assert (theirs[found == Arm.CANDIDATE]).all() and not theirs[np.isin(found, (Arm.HOLDOUT, Arm.INCUMBENT))].any()
        outside = (found != Arm.HOLDOUT) & (before & ~theirs)
        assert not outside.any()
        before |= theirs


def test_the_rollout_is_independent_of_holdout_explore_and_of_another_one() -> None:
    """Whom a candidate decides for tells nothing of the other draws, nor of whom another candidate decided for."""
    drawn, another = in_rollout(ADDRESSES, Draw("weekly:a", 0.2)), in_rollout(ADDRESSES, Draw("weekly:b", 0.2))
    for other in (in_holdout(ADDRESSES, Holdout(0.2)), in_explore(IDS, SEND, 0.2), another):
        assert chi2_contingency(_table(drawn, other)).pvalue > 1e-4


def test_arms_of_a_rollout_are_as_large_as_they_are_drawn() -> None:
    """The candidate's share is one of those outside the holdout who do not explore."""
    found = arms(IDS, ADDRESSES, send_id=SEND, holdout=Holdout(0.1), explore=0.05, rollout=Draw("weekly:a", 0.2))
    expected = expected_shares(Holdout(0.1), 0.05, 0.2)
    assert sum(expected.values()) == pytest.approx(1)
    assert chisquare([int((found == arm).sum()) for arm in expected], [N * part for part in expected.values()]).pvalue > 1e-4
