"""What stands of a variant after any steps: chosen only as it came out, served only as it last did, and nothing forgotten."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import PlacementId, VariantId
from domain.publication import Publication, PublicationState, may_be_chosen, shelves, standing

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
HERO, SPRING = PlacementId("web.home_hero"), VariantId("spring")
WRITTEN, PUBLISHED, FAILED, WITHDRAWN = PublicationState
Steps = list[tuple[PublicationState, str]]
steps_of = st.lists(st.tuples(st.sampled_from(PublicationState), st.sampled_from(["d1", "d2", "d3"])), max_size=25)


def taken(steps: Steps) -> list[Publication]:
    """The steps, a minute apart."""
    return [Publication(HERO, SPRING, digest, "u", state, AT + timedelta(minutes=n)) for n, (state, digest) in enumerate(steps)]


@given(steps_of, st.sampled_from(["d1", "d2", "d3"]))
def test_a_content_is_chosen_only_when_it_came_out_after_it_was_last_written(steps: Steps, digest: str) -> None:
    """Since it was written, it came out and did not fail, and nothing else was written or withdrawn; whatever happened before."""
    shelf = shelves(taken(steps)).get((HERO, SPRING))
    if not may_be_chosen(shelf.last if shelf else None, digest):
        return
    started = max((n for n, (state, _) in enumerate(steps) if state in (WRITTEN, WITHDRAWN)), default=-1)
    since = [state for state, one in steps[max(started, 0) :] if one == digest]
    assert started == -1 or steps[started] == (WRITTEN, digest)
    assert [state for state in since if state in (PUBLISHED, FAILED)][-1] is PUBLISHED


@given(steps_of)
def test_what_is_served_came_out_once_and_was_not_withdrawn_since(steps: Steps) -> None:
    """Failures of newer content change nothing about it; nothing is served after a withdrawal that nothing followed."""
    shelf = shelves(taken(steps)).get((HERO, SPRING))
    if shelf is None or shelf.served is None:
        return
    published = [n for n, step in enumerate(steps) if step == (PUBLISHED, shelf.served.digest)]
    withdrawn = max((n for n, (state, _) in enumerate(steps) if state is WITHDRAWN), default=-1)
    assert published and max(published) > withdrawn


@given(steps_of)
def test_every_content_is_either_needed_or_known_to_have_been_left(steps: Steps) -> None:
    """No file is forgotten: of each digest that was ever written it is known whether its file is needed, or since when it is not."""
    for shelf in shelves(taken(steps)).values():
        written = {digest for state, digest in steps if state is WRITTEN}
        assert written <= shelf.digests | set(shelf.left)
        assert not shelf.digests & set(shelf.left)


def test_the_end_of_a_prewarming_that_a_withdrawal_overtook_brings_nothing_back() -> None:
    """Only writing again does."""
    late = taken([(WRITTEN, "d1"), (WITHDRAWN, "d1"), (PUBLISHED, "d1")])
    assert shelves(late)[HERO, SPRING].last.state is WITHDRAWN and shelves(late)[HERO, SPRING].served is None
    again = taken([(WRITTEN, "d1"), (WITHDRAWN, "d1"), (WRITTEN, "d1"), (PUBLISHED, "d1")])
    assert may_be_chosen(shelves(again)[HERO, SPRING].last, "d1")


def test_new_content_that_fails_leaves_the_old_one_shown_and_nothing_to_choose() -> None:
    """Those who were decided for see what they saw; nobody is decided for anew."""
    shelf = shelves(taken([(WRITTEN, "d1"), (PUBLISHED, "d1"), (WRITTEN, "d2"), (FAILED, "d2")]))[HERO, SPRING]
    assert shelf.served is not None and shelf.served.digest == "d1"
    assert not may_be_chosen(shelf.last, "d1") and not may_be_chosen(shelf.last, "d2")


def test_why_a_variant_may_not_be_chosen_is_said_in_words() -> None:
    """Nothing is said of one that may be."""
    [written, failed] = taken([(WRITTEN, "d1"), (FAILED, "d1")])
    assert standing(None, "d1") == "not published"
    assert "not yet seen" in standing(written, "d1")
    assert standing(failed, "d1") == "not published" and "changed" in standing(failed, "d2")
    assert standing(taken([(PUBLISHED, "d1")])[0], "d1") == ""
