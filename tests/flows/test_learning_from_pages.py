"""What is learned from pages: a model of what people saw, defaults by context, reports."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from domain.decision import Arm
from domain.errors import InputError
from domain.ids import CampaignId, PlacementId, RecipientId, SendId, context_id_of
from domain.model import ModelState
from domain.send import Send
from flows.attribute_outcomes import attribute_outcomes
from flows.check_variants import variants_of
from flows.measure_lift import sent_of
from flows.open_refresh import open_refresh
from flows.plan_send import checked_content
from flows.refresh_placements import refresh_placements
from flows.report_send import report_on
from flows.train_model import train_model
from flows.watch_diversity import diversity_of
from letterpress.evaluating import Asked, evaluated
from letterpress.explanation import explain, of_placement, shown_send
from letterpress.why_view import why_view
from ranking.debiasing import seen_examination
from ranking.evaluation.evaluate import Evaluation
from runtime.clock import now
from runtime.house import House
from tests.flows.pages import published, seen_active, seen_history, told, write_pages

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]
HERO, SHELF = PlacementId("web.home_hero"), PlacementId("web.home_shelf")
PEOPLE = 400


@pytest.fixture
def learned(house: House, tmp_path: Path, people: Callable[[int], None]) -> House:
    """A house whose pages have a model of what people saw in twenty days."""
    write_pages(tmp_path / "templates" / "web", "contexts: [country], context_recipients: 40")
    people(PEOPLE)
    published(house, now())
    seen_history(house, PEOPLE, 20, now() - timedelta(days=1))
    seen_active(house, {f"r{number}": 0.5 for number in range(PEOPLE)}, now())
    trained = train_model(house, checked_content(house, "web"), now())
    assert trained.state is ModelState.INCUMBENT, trained.objections
    assert trained.model.card.examination == seen_examination(2)
    return house


def refreshed(house: House) -> Send:
    """A refresh of this instant, taken to its end."""
    return house.send(str(refresh_placements("web", now().replace(microsecond=0), return_state=True).result()))


def test_visitors_whom_nobody_knows_get_what_those_of_their_country_like(learned: House) -> None:
    """Of the variants that everybody of a country may see, those with the best mean score; without enough people there is none."""
    house, send = learned, refreshed(learned)
    assert send.model_version and send.stages == ("audience", "features", "decisions")
    slates = {
        country: house.decisions.get(RecipientId(context_id_of("country", country)), HERO, now(), ()).variants
        for country in ("DE", "GB", "NL")
    }
    assert slates == {"DE": ("books",), "GB": ("spring",), "NL": ("spring",)}
    shelf = house.decisions.get(RecipientId("~country=DE"), SHELF, now(), ())
    assert shelf.variants[0] == "novels" and len(shelf.variants) == 2 and shelf.send_id == send.send_id
    assert house.decisions.get(RecipientId("~country=FR"), HERO, now(), ()).is_default  # nobody there is in the audience
    published_for = house.lake.read("refreshed_decisions", {"send_id": send.send_id})["recipient_id"]
    assert not published_for.str.startswith("~").any()


def test_why_explains_what_a_page_shows(learned: House) -> None:
    """By the send that the decision store names: candidates, scores, chances, reasons; of the placement that was asked for."""
    house, send = learned, refreshed(learned)
    arms = house.lake.read("audience", {"send_id": send.send_id}).set_index("recipient_id")["arm"]
    who = next(who for who, arm in arms.items() if arm == Arm.INCUMBENT and int(str(who)[1:]) % 5 == 1)
    assert shown_send(house, str(who), HERO) == send
    found, letter = explain(house, send, str(who))
    one = of_placement(found, HERO)
    assert letter is None and one.on_page and {candidate.placement for candidate in one.candidates} == {HERO}
    scores = {candidate.variant: candidate.score or 0.0 for candidate in one.candidates}
    assert max(scores, key=lambda name: scores[name]) == "books" and one.choices
    assert why_view(one)
    with pytest.raises(InputError, match="not in the audience"):
        explain(house, send, "r5")
    with pytest.raises(InputError, match="nothing was ever decided"):
        shown_send(house, "r1", "shop.basket")


def test_pages_are_evaluated_and_reported_day_by_day(learned: House) -> None:
    """The model is judged on what people saw; refreshes of a day stand together for lift, health of variants and the mix."""
    house = learned
    half = train_model(house, checked_content(house, "web"), now(), where="bucket < 32768", candidate=True)
    asked = Asked("web", checked_content(house, "web"), half.model.model_version, "bucket >= 32768", now(), None, None, [])
    answer = evaluated(house, asked)
    assert isinstance(answer, Evaluation) and {one.placement for one in answer.placements} == {HERO, SHELF}
    assert answer.total.policy("model").item_position.value > answer.total.policy("logged").item_position.value
    sends = [refreshed(house)]
    for number in (1, 2, 3, 4, 6, 7):
        told(house, "Placement Viewed", f"r{number}", HERO, now())
        told(house, "Placement Clicked", f"r{number}", HERO, now())
    assert attribute_outcomes() == 6
    [day] = sent_of(house, "web")
    assert day.send.send_id == f"web-{sends[0].scheduled_at:%Y-%m-%d}" and day.day is not None
    drawn = day.day.drawn().to_pandas()
    assert sorted(drawn["recipient_id"]) == ["r1", "r2", "r3", "r4", "r6", "r7"]
    assert sum(arm.handed_off for arm in report_on(house, sends[0]).arms) == 6
    assert sent_of(house, None) == []
    assert diversity_of(house, "web").campaign == "web"
    assert variants_of(house, "web").sends == ()  # their clicks have not all come in


def test_contexts_are_categories(house: House, tmp_path: Path, people: Callable[[int], None]) -> None:
    """A name is no context, and nor is an attribute that nobody has: what is wrong is said before anything is decided."""
    people(10)
    for name, what in (("first_name", "is text"), ("planet", "does not exist")):
        write_pages(tmp_path / "templates" / "web", f"contexts: [{name}]")
        published(house, now())
        with pytest.raises(InputError, match=what):
            open_refresh.fn("web", now())
    assert house.sends.get(SendId("web")) is None and house.models.incumbent(CampaignId("web")) is None
