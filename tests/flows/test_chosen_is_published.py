"""A variant whose pre-warm fails is never chosen: whatever happened before, by the path on which letters and pages are really decided.

Two campaigns share the steps: letters whose hero pages show too, and pages. After any sequence of writing, publishing through a CDN that
answers rightly, wrongly or not at all, withdrawing and bringing back, both are decided for real recipients without a model, so that every
variant that may be chosen is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.decision import Arm
from domain.errors import InputError
from domain.ids import PlacementId, VariantId
from flows.decide_shards import decide_for
from flows.load_basis import basis_of
from flows.open_refresh import planned_refresh
from flows.plan_send import checked_content, planned_send
from flows.prepare_choices import fresh_inputs
from flows.publish_content import publishable, published
from flows.withdraw_content import withdrawn
from runtime.clock import running_on
from runtime.house import House
from simulator.clock import SteeredClock
from storage.schema import publications
from tests.flows.cdn import Cdn, cdn_of, outside
from tests.flows.conftest import AT, CAMPAIGN, write
from tests.flows.pages import FRAGMENT, write_pages

PLANS = {"weekly": planned_send, "web": planned_refresh}
HEROES = {"weekly": PlacementId("weekly.hero"), "web": PlacementId("web.home_hero")}
NAMES = ("default", "spring", "books")
FRONT = {"default": "default: true", "spring": "", "books": ""}
_edits = count()

Act = tuple[str, str, frozenset[str]]  # what, to which variant, and which variants the CDN gives wrongly meanwhile
acts = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "edit", "withdraw", "again"]),
        st.sampled_from(NAMES),
        st.sets(st.sampled_from([f"{fault}:{name}" for fault in ("missing", "stale", "away") for name in NAMES]), max_size=2).map(
            frozenset
        ),
    ),
    max_size=6,
)


@dataclass(slots=True)
class Model:
    """What should hold of a campaign: which variants came out as they are now, and which were withdrawn."""

    out: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def published(self, wrong: set[str], again: set[str]) -> None:
        """A run: what was out stays out, whatever the CDN says now."""
        self.withdrawn -= again
        tried = set(NAMES) - self.withdrawn
        self.known |= tried
        self.out = {name for name in tried if name in self.out or name not in wrong}


def edit(house: House, campaign: str, name: str) -> None:
    """Write a hero's fragment anew."""
    text = f"{name} {next(_edits)}"
    if campaign == "web":
        fragment = FRAGMENT.format(category="home", more=FRONT[name], name=text)
        write(house.settings.campaigns_folder / "web" / "home_hero" / f"{name}.html", fragment)
    else:
        write(house.settings.campaigns_folder / "weekly" / "hero" / f"{name}.html", f"<p>{text}</p>")


@dataclass(frozen=True, slots=True)
class Scene:
    """A campaign of a house behind its CDN, and what should hold of it."""

    house: House
    campaign: str
    cdn: Cdn
    clock: SteeredClock
    model: Model = field(default_factory=Model)

    def act(self, one: Act) -> None:
        """Do it, and note in the model what should follow."""
        what, name, faults = one
        self.clock.sleep(60)
        if what == "edit":
            edit(self.house, self.campaign, name)
            self.model.out.discard(name)
        elif what == "withdraw":
            self._withdraw(name)
        else:
            self._publish(faults, {name} if what == "again" and name in self.model.withdrawn else set())

    def _withdraw(self, name: str) -> None:
        try:
            withdrawn(self.house, self.campaign, (HEROES[self.campaign], VariantId(name)), "recalled", "ann")
        except InputError:
            assert name == "default" or name not in self.model.known
        else:
            self.model.withdrawn.add(name)
            self.model.out.discard(name)

    def _publish(self, faults: frozenset[str], again: set[str]) -> None:
        hero = HEROES[self.campaign]
        for fault in ("missing", "stale", "away"):
            wrong = {f"/{hero}/variant-{text.partition(':')[2]}." for text in faults if text.startswith(fault)}
            setattr(self.cdn, fault, wrong)
        back = [(hero, VariantId(name)) for name in again]
        published(self.house, publishable(self.house, self.campaign), outside(self.cdn, self.clock, seconds=1), back)
        self.model.published({text.partition(":")[2] for text in faults}, again)


def chosen(house: House, campaign: str, clock: SteeredClock) -> set[str] | None:
    """The heroes that everybody gets; None where nothing can be planned."""
    content = checked_content(house, campaign)
    try:
        send = PLANS[campaign](house, content, AT, clock.now())
    except InputError as error:
        assert "letterpress publish" in str(error)
        return None
    audience = house.recipients.by_ids([f"r{n}" for n in range(40)]).assign(exclusion=None, arm=Arm.INCUMBENT.value)
    basis = basis_of(house, send, content)
    [inputs] = fresh_inputs(basis, [audience])
    decisions = decide_for(basis, inputs, {}).decisions
    return set(decisions.loc[decisions["placement"] == HEROES[campaign], "variant"])


@pytest.fixture
def shop(house: House, people: Callable[[int], None]) -> House:
    """A house with both campaigns and forty people."""
    people(40)
    folder = house.settings.campaigns_folder
    write(folder / "weekly" / "campaign.yaml", CAMPAIGN.replace("hero: {positions: 1}", "hero: {web: true}"))
    books = folder / "weekly" / "hero" / "books.mjml"
    write(books, books.read_text().replace("where: country = 'DE'", ""))
    write_pages(folder / "web")
    return house


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=acts)
def test_what_did_not_come_out_is_chosen_for_nobody_in_mail_or_on_the_web(shop: House, sequence: list[Act]) -> None:
    """And everything that did is chosen for somebody; without the default nothing is planned at all."""
    with shop.database.begin() as connection:
        connection.execute(sa.delete(publications))
    cdn, clock = cdn_of(shop), SteeredClock(AT)
    with running_on(clock):
        for campaign in PLANS:
            scene = Scene(shop, campaign, cdn, clock)
            for name in NAMES:
                edit(shop, campaign, name)
            for one in [("publish", "default", frozenset[str]()), *sequence] if sequence else []:
                scene.act(one)
            assert chosen(shop, campaign, clock) == (scene.model.out if "default" in scene.model.out else None)
