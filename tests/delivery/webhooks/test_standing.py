"""What became of a letter does not depend on the order in which it is told, nor on how often."""

from hypothesis import given
from hypothesis import strategies as st

from delivery.webhooks.standing import RANKS, joined, standing_of
from domain.event import EventKind

LOGS = st.lists(st.sampled_from(EventKind), max_size=12)
STANDINGS = st.none() | st.sampled_from(sorted(RANKS))


@given(LOGS, st.randoms(use_true_random=False))
def test_any_order_any_number_of_times(log: list[EventKind], random: object) -> None:
    """A log, shuffled and with anything in it told again, comes to the same."""
    again = log + [random.choice(log) for _ in range(5) if log]  # type: ignore[attr-defined]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert standing_of(again) == standing_of(log)


@given(LOGS, LOGS)
def test_parts_of_a_log(one: list[EventKind], other: list[EventKind]) -> None:
    """What two parts of a log come to is what the whole comes to."""
    assert joined(standing_of(one), standing_of(other)) == standing_of(one + other)


@given(STANDINGS, STANDINGS, STANDINGS)
def test_a_lattice(a: EventKind | None, b: EventKind | None, c: EventKind | None) -> None:
    """Joining is associative, commutative and idempotent, and nothing is its neutral element."""
    assert joined(a, joined(b, c)) == joined(joined(a, b), c)
    assert joined(a, b) == joined(b, a)
    assert (joined(a, a), joined(a, None)) == (a, a)


def test_what_it_comes_to() -> None:
    """A bounce after delivery holds, an opened letter did arrive, a complaint outranks all."""
    kinds = EventKind
    assert standing_of([kinds.BOUNCED, kinds.DELIVERED, kinds.ACCEPTED]) is kinds.BOUNCED
    assert standing_of([kinds.OPENED, kinds.BOUNCED]) is kinds.OPENED
    assert standing_of([kinds.COMPLAINED, kinds.CLICKED, kinds.UNSUBSCRIBED]) is kinds.COMPLAINED
    assert standing_of([kinds.UNKNOWN, kinds.PAGE_VIEWED]) is None


def test_ranks_differ() -> None:
    """No two kinds have one rank: the highest is one."""
    assert len(set(RANKS.values())) == len(RANKS)
