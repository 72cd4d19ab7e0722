"""Which recipients and letters stand for a send that is not opened yet."""

from collections.abc import Callable
from dataclasses import replace

from domain.content import Content
from domain.message import SuppressionReason
from domain.send import Send
from flows.plan_send import checked_content, planned_send
from flows.take_sample import RECIPIENTS, sampled_recipients, take_sample
from runtime.house import House
from tests.flows.conftest import AT


def planned(house: House, where: str | None = None) -> tuple[Send, Content]:
    """The send of the test's campaign as it would be opened, with another audience if one is given."""
    content = checked_content(house, "weekly")
    if where:
        content = replace(content, campaign=replace(content.campaign, audience=where))
    return planned_send(house, content, AT, AT), content


def test_only_recipients_who_would_get_a_letter_are_in_it(house: House, people: Callable[[int], None]) -> None:
    """Those whom the expression, consent or a suppression keeps out are not."""
    people(100)
    house.suppressions.add("r1@mail.example", SuppressionReason.COMPLAINED, AT)
    found = sampled_recipients(house, *planned(house))
    numbers = found["recipient_id"].str.slice(1).astype(int)
    assert len(found) == RECIPIENTS and not (numbers % 5 == 0).any() and not (numbers % 10 == 3).any() and 1 not in set(numbers)


def test_a_large_list_is_looked_at_in_places_all_over_it(house: House, people: Callable[[int], None]) -> None:
    """Of 5,000 recipients about as many come from the upper half of the buckets as from the lower."""
    people(5_000)
    found = sampled_recipients(house, *planned(house))
    upper = (found["bucket"] >= 32_768).sum()
    assert len(found) == RECIPIENTS and 15 <= upper <= 35


def test_a_small_audience_in_a_large_list_is_found(house: House, people: Callable[[int], None]) -> None:
    """Where few get a letter, more of the list is read, to the last recipient if need be."""
    people(5_000)
    assert sampled_recipients(house, *planned(house, "recipient_id = 'r4321'"))["recipient_id"].tolist() == ["r4321"]
    assert sampled_recipients(house, *planned(house, "recipient_id = 'nobody'")).empty


def test_the_sample_is_the_same_every_time(house: House, people: Callable[[int], None]) -> None:
    """Nothing about it is drawn."""
    people(900)
    first, second = (sampled_recipients(house, *planned(house))["recipient_id"].tolist() for _ in range(2))
    assert first == second


def test_every_variant_is_printed_for_somebody_who_may_see_it(house: House, people: Callable[[int], None]) -> None:
    """The books are for Germany alone, and every other variant is there too."""
    people(60)
    send, content = planned(house)
    sample = take_sample(house, send, content)
    shown = {(placement, v) for one in sample.letters for placement, chosen in one.slate.items() for v in chosen}
    assert shown == {(v.placement, v.variant) for v in content.variants} and not sample.unprintable
    readers = {one.recipient.attributes["country"] for one in sample.letters if "books" in one.slate["weekly.hero"]}  # type: ignore[index]
    assert readers == {"DE"}


def test_a_variant_that_is_not_live_is_not_printed(house: House, people: Callable[[int], None]) -> None:
    """It cannot be in this send."""
    people(60)
    send, content = planned(house)
    over = replace(content, variants=tuple(replace(v, live_until=AT) if v.variant == "spring" else v for v in content.variants))
    shown = {v for one in take_sample(house, send, over).letters for chosen in one.slate.values() for v in chosen}
    assert "books" in shown and "spring" not in shown


def test_taking_a_sample_writes_nothing(house: House, people: Callable[[int], None]) -> None:
    """No send, no content, no file in the lake."""
    people(60)
    take_sample(house, *planned(house))
    assert house.sends.list() == [] and not house.lake.exists("audience") and house.holdouts.members("holdout-1") == set()
