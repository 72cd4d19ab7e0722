"""Caps on variants, limits per send and the diversity floor, over whole sends."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from math import log
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.ids import SendId
from domain.send import SendStatus
from flows.account_for import account_for
from flows.send_campaign import send_campaign
from letterpress.explanation import explain
from letterpress.rehearsal import rehearse
from runtime.clock import now
from runtime.house import House
from tests.flows.conftest import AT, CAMPAIGN, HERO, LETTER, write

pytestmark = [
    pytest.mark.journey,
    pytest.mark.usefixtures("prefect"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]
WEEK = timedelta(days=7)


def heroes(house: House, send_id: SendId) -> dict[str, str]:
    """Who was shown which hero, the holdout left out."""
    rows = house.lake.read("decisions", {"send_id": send_id})
    rows = rows[(rows["placement"] == "weekly.hero") & (rows["arm"] != "holdout")]
    return dict(zip(rows["recipient_id"], rows["variant"], strict=True))


def test_a_limit_is_kept_over_all_shards_and_the_dry_run_says_the_same(
    house: House, people: Callable[[int], None], campaign_folder: Path
) -> None:
    """Of 30 there are 30, whichever shard comes first; the price is found once and kept, and `why` tells it."""
    people(400)
    write(campaign_folder / "hero" / "spring.mjml", HERO.format(category="garden", more="limit_per_send: 30", name="spring"))
    assert 5 <= rehearse(house, "weekly", now(), lambda _done, _of: None).variants["weekly.hero/spring"] <= 30
    send_id = SendId(send_campaign("weekly", AT))
    shown = Counter(heroes(house, send_id).values())
    assert 5 <= shown["spring"] <= 30 < shown["default"]
    [price] = house.lake.read("prices", {"send_id": send_id}).to_dict("records")
    assert price["variant"] == "spring" and price["price"] > 0 and price["limit_per_send"] == 30
    account = account_for(house, send_id)
    assert account.adds_up and account.handed_off == 280
    one = next(iter(heroes(house, send_id)))
    spring = [c for c in explain(house, house.send(send_id), one)[0].candidates if c.variant == "spring"]
    assert spring[0].price == price["price"]


def test_a_limit_that_cannot_be_met_stops_the_send_before_anything_leaves(
    house: House, people: Callable[[int], None], campaign_folder: Path
) -> None:
    """When most recipients have nothing else to be shown, the send pauses with the numbers, and nobody has a letter."""
    people(200)
    write(
        campaign_folder / "hero" / "default.mjml", HERO.format(category="home", more="default: true\nwhere: country = 'GB'", name="default")
    )
    write(campaign_folder / "hero" / "spring.mjml", HERO.format(category="garden", more="limit_per_send: 10", name="spring"))
    with pytest.raises(InputError, match=r"limit 10.*no other candidate"):
        rehearse(house, "weekly", now(), lambda _done, _of: None)
    with pytest.raises(InputError, match=r"limit 10.*no other candidate"):
        send_campaign("weekly", AT)
    [send] = house.sends.list()
    assert send.status is SendStatus.PAUSED and send.reason and "raise the limit" in send.reason
    assert account_for(house, send.send_id).handed_off == 0


def test_nobody_is_shown_a_variant_more_often_than_its_cap_says(house: House, people: Callable[[int], None], campaign_folder: Path) -> None:
    """The second letter never repeats what the first one showed, the default excepted, which stands in when nothing is left."""
    people(150)
    write(campaign_folder / "campaign.yaml", CAMPAIGN + "policy: {variant_cap: {messages: 1, per_days: 28}, explore: 0.2}\n")
    first = heroes(house, SendId(send_campaign("weekly", AT)))
    second_id = SendId(send_campaign("weekly", AT + WEEK))
    second = heroes(house, second_id)
    assert set(first) == set(second)
    assert not [who for who in first if first[who] == second[who] != "default"]
    third = heroes(house, SendId(send_campaign("weekly", AT + 2 * WEEK)))
    seen_all = [who for who in first if {first[who], second[who]} == {"default", "spring"} and int(who[1:]) % 5 != 1]
    assert seen_all and {third[who] for who in seen_all} == {"default"}
    repeated = next(who for who in first if first[who] == "spring")
    told = {c.variant: c.excluded for c in explain(house, house.send(second_id), repeated)[0].candidates if c.placement == "weekly.hero"}
    assert told["spring"] == "shown often enough: 1 time in 28 days"


def test_every_recipients_letters_keep_the_floor(house: House, people: Callable[[int], None], campaign_folder: Path) -> None:
    """Over two letters of two heroes each everyone gets at least two categories as evenly as the floor asks, and the account says so."""
    people(150)
    text = CAMPAIGN.replace("hero: {positions: 1}", "hero: {positions: 2}") + "policy: {diversity: {floor: 0.69, messages: 2}}\n"
    write(campaign_folder / "campaign.yaml", text)
    write(campaign_folder / "letter.mjml", LETTER)
    write(campaign_folder / "hero" / "default.mjml", HERO.format(category="home", more="default: 1", name="default"))
    write(campaign_folder / "hero" / "other.mjml", HERO.format(category="home", more="default: 2", name="other"))
    write(campaign_folder / "hero" / "third.mjml", HERO.format(category="home", more="", name="third"))
    categories: dict[str, list[str]] = {}
    for week in range(2):
        send_id = SendId(send_campaign("weekly", AT + week * WEEK))
        rows = house.lake.read("decisions", {"send_id": send_id})
        for row in rows[(rows["placement"] == "weekly.hero") & (rows["arm"] != "holdout")].to_dict("records"):
            categories.setdefault(row["recipient_id"], []).append(row["category"])
    assert len(categories) > 80
    for shown in categories.values():
        shares = [count / len(shown) for count in Counter(shown).values()]
        assert -sum(share * log(share) for share in shares) >= 0.69 - 1e-9
    counts = Counter[str]()
    for kept in house.sends.finished_shards(send_id, "decisions").values():
        counts.update({name: number for name, number in kept.items() if name.startswith("diversity.")})
    assert counts["diversity.restricted"] > 0 and not counts["diversity.too_few_categories"]
