"""Content on its way to pages, and back: published before it is chosen, chosen no more before it goes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import orjson
import pytest

from delivery.published_files import file_of, published_variants
from domain.audit import Deed
from domain.errors import InputError, UnavailableError
from domain.ids import PlacementId, VariantId
from domain.publication import PublicationState
from domain.recipient import AttributeKind
from flows.leave_out_unpublished import unpublished_of
from flows.plan_send import checked_content, planned_send
from flows.publish_content import publish_content, publishable, published
from flows.show_content import ContentStanding, content_standing
from flows.withdraw_content import withdrawn
from runtime.clock import running_on
from runtime.house import House, shared_house
from simulator.clock import SteeredClock
from storage.content_files import ContentFiles
from storage.publications import Publications
from tests.flows.cdn import ADDRESS, Cdn, cdn_of, outside
from tests.flows.conftest import AT, write
from tests.flows.pages import FRAGMENT, write_pages

HERO, SHELF = PlacementId("web.home_hero"), PlacementId("web.home_shelf")
SPRING, BOOKS, DEFAULT = VariantId("spring"), VariantId("books"), VariantId("default")
PERMUTATIONS = "permutations: [[home_hero, home_foot]]\n"


@pytest.fixture
def clock() -> Iterator[SteeredClock]:
    """This process goes by it."""
    steered = SteeredClock(AT)
    with running_on(steered):
        yield steered


@pytest.fixture
def folder(house: House) -> Path:
    """The folder of campaign `web`, whose conditions name a column."""
    house.recipients.declare({"first_name": AttributeKind.TEXT, "country": AttributeKind.CATEGORICAL}, AT)
    return write_pages(house.settings.campaigns_folder / "web")


@pytest.fixture
def cdn(house: House, folder: Path) -> Cdn:
    """In front of the house."""
    return cdn_of(house)


def publish(house: House, cdn: Cdn, clock: SteeredClock, *again: tuple[PlacementId, VariantId]) -> ContentStanding:
    """A run of it."""
    return published(house, publishable(house, "web"), outside(cdn, clock), again)


def chosen(found: ContentStanding) -> set[str]:
    """The variants of the hero that may be."""
    return {one.variant for one in found.variants if one.chosen and one.placement == HERO}


def document(house: House, path: str) -> dict[str, object]:
    """A published file."""
    body = ContentFiles(house.settings.content_place).read(path)
    assert body is not None
    return dict(orjson.loads(body))


def edit(folder: Path, text: str) -> None:
    """Write the spring hero anew."""
    write(folder / "home_hero" / "spring.html", FRAGMENT.format(category="garden", more="", name=text))


def test_what_came_out_may_be_chosen_and_is_asked_for_once(house: House, cdn: Cdn, clock: SteeredClock) -> None:
    """Each variant's file, then those that say what is shown; the next run writes and asks nothing."""
    found = publish(house, cdn, clock)
    assert chosen(found) == {"default", "spring", "books"} and found.failed == 0
    assert len(cdn.asked) == 7 + 4 and sorted(cdn.asked[:7]) == sorted(str(one.url).rpartition("content/")[2] for one in found.variants)
    listing = document(house, "web.home_hero/variants.json")
    assert listing["default"] == ["default"] and set(dict(listing["variants"])) == {"default", "spring", "books"}  # type: ignore[call-overload]
    assert document(house, "web.home_shelf/variant-default.json")["variant"] == "default"
    steps, asked = house.publications.steps(None, AT + timedelta(days=1)), len(cdn.asked)
    assert publish(house, cdn, clock) == found
    assert (house.publications.steps(None, AT + timedelta(days=1)), len(cdn.asked)) == (steps, asked)


@pytest.mark.parametrize("fault", ["missing", "stale", "away"])
def test_what_does_not_come_out_may_not_be_chosen_until_it_does(house: House, cdn: Cdn, clock: SteeredClock, fault: str) -> None:
    """The others are published all the same; the reason is kept; another run tries again."""
    getattr(cdn, fault).add("variant-spring")
    found = publish(house, cdn, clock)
    spring = next(one for one in found.variants if one.variant == SPRING)
    assert (chosen(found), spring.state, spring.url) == ({"default", "books"}, "failed", None)
    assert found.failed == 1 and spring.reason.startswith("not published: ") and spring.reason in found.first_fault
    getattr(cdn, fault).clear()
    assert chosen(publish(house, cdn, clock)) == {"default", "spring", "books"}


def test_changed_content_is_not_chosen_before_it_came_out_and_the_old_one_is_shown_until_then(
    house: House, cdn: Cdn, clock: SteeredClock, folder: Path
) -> None:
    """Those for whom it was chosen before see what they saw; when it comes out, they see the new one, and the old file goes."""
    before = next(one for one in publish(house, cdn, clock).variants if one.variant == SPRING)
    edit(folder, "warmer")
    assert unpublished_of(house, publishable(house, "web"), AT) == {(HERO, SPRING): "not published since it was changed"}
    cdn.stale.add("variant-spring")
    assert chosen(publish(house, cdn, clock)) == {"default", "books"}
    assert house.publications.served([HERO], clock.now())[HERO, SPRING].url == before.url
    cdn.stale.clear()
    clock.sleep(60)
    after = next(one for one in publish(house, cdn, clock).variants if one.variant == SPRING)
    assert after.chosen and house.publications.served([HERO], clock.now())[HERO, SPRING].url == after.url != before.url
    files = ContentFiles(house.settings.content_place)
    assert str(before.url).rpartition("/")[2] in files.names(HERO)
    clock.sleep(3600)
    publish(house, cdn, clock)
    assert str(before.url).rpartition("/")[2] not in files.names(HERO) and str(after.url).rpartition("/")[2] in files.names(HERO)


class DiedError(Exception):
    """A process that ends in the middle."""


def dying(work: Callable[..., object], after: int) -> Callable[..., object]:
    """The work, so many times; then the end."""
    calls = count()

    def done(*arguments: object, **named: object) -> object:
        if next(calls) >= after:
            raise DiedError
        return work(*arguments, **named)

    return done


@pytest.mark.parametrize("part", [(ContentFiles, "put"), (Publications, "step")], ids=lambda part: part[1])
def test_a_process_that_dies_anywhere_leaves_nothing_that_another_does_not_put_right(
    house: House, cdn: Cdn, clock: SteeredClock, monkeypatch: pytest.MonkeyPatch, part: tuple[type, str]
) -> None:
    """Before any file is written, or any step noted: what may be chosen then has come out, and the next run does what is left."""
    owner, name = part
    for after in range(0, 12, 3):
        edit(house.settings.campaigns_folder / "web", f"{name} {after}")
        with monkeypatch.context() as patched, suppress(DiedError):
            patched.setattr(owner, name, dying(getattr(owner, name), after))
            publish(house, cdn, clock)
        missing = unpublished_of(house, content := publishable(house, "web"), clock.now())
        for file in map(file_of, published_variants(content)):
            assert file.key in missing or cdn(file.url(ADDRESS)).body == file.body
    assert chosen(publish(house, cdn, clock)) == {"default", "spring", "books"}


def test_a_withdrawal_first_stops_the_choice_then_the_showing_then_the_file(house: House, cdn: Cdn, clock: SteeredClock) -> None:
    """What was decided as of an earlier instant stays as it was; the trail says who and why; it is not brought back by itself."""
    url = next(str(one.url) for one in publish(house, cdn, clock).variants if one.variant == SPRING)
    clock.sleep(60)
    step = withdrawn(house, "web", (PlacementId("home_hero"), SPRING), "the supplier recalled it", "ann")
    assert (step.state, step.reason) == (PublicationState.WITHDRAWN, "the supplier recalled it")
    content = publishable(house, "web")
    assert unpublished_of(house, content, clock.now()) == {(HERO, SPRING): "withdrawn: the supplier recalled it"}
    assert unpublished_of(house, content, clock.now() - timedelta(seconds=1)) == {}
    assert (HERO, SPRING) not in house.publications.served([HERO], clock.now())
    assert "spring" not in dict(document(house, "web.home_hero/variants.json")["variants"])  # type: ignore[call-overload]
    files, name = ContentFiles(house.settings.content_place), url.rpartition("/")[2]
    assert chosen(publish(house, cdn, clock)) == {"default", "books"} and name in files.names(HERO)
    clock.sleep(3600)
    assert chosen(publish(house, cdn, clock)) == {"default", "books"} and name not in files.names(HERO)
    assert [(one.who, one.what, one.why) for one in house.audit.of()] == [("ann", Deed.CONTENT_WITHDRAWN, "the supplier recalled it")]
    withdrawn(house, "web", (HERO, SPRING), "again", "ann")
    assert len(house.audit.of()) == 1
    assert chosen(publish(house, cdn, clock, (HERO, SPRING))) == {"default", "spring", "books"}


def test_what_cannot_be_withdrawn_is_said_with_what_to_do(house: House, cdn: Cdn, clock: SteeredClock, folder: Path) -> None:
    """A default, something unknown, something never published. Mistakes in the folder hold no withdrawal up."""
    with pytest.raises(InputError, match="never published"):
        withdrawn(house, "web", (HERO, SPRING), "x", "ann")
    publish(house, cdn, clock)
    with pytest.raises(InputError, match="is what is shown when nothing was chosen"):
        withdrawn(house, "web", (HERO, DEFAULT), "x", "ann")
    with pytest.raises(InputError, match="no published placement"):
        withdrawn(house, "web", (PlacementId("home"), SPRING), "x", "ann")
    house.contents.save(publishable(house, "web"), clock.now())
    write(folder / "home_hero" / "broken.html", "no front matter")
    assert withdrawn(house, "web", (HERO, SPRING), "x", "ann").state is PublicationState.WITHDRAWN


def test_a_withdrawal_that_a_publication_overlaps_holds(house: House, cdn: Cdn, clock: SteeredClock) -> None:
    """The pre-warming that began before it ends after it: that brings nothing back."""

    def meanwhile(url: str) -> object:
        if "variant-spring." in url and not house.audit.of():
            withdrawn(house, "web", (HERO, SPRING), "recalled", "ann")
        return cdn(url)

    found = published(house, publishable(house, "web"), outside(meanwhile, clock))  # type: ignore[arg-type]
    assert chosen(found) == {"default", "books"}
    assert (HERO, SPRING) not in house.publications.served([HERO], clock.now())


def test_combinations_are_published_once_their_parts_are(house: House, cdn: Cdn, clock: SteeredClock, folder: Path) -> None:
    """One file per pair; a part that failed is in none; withdrawing a part withdraws its pairs."""
    write_pages(folder, more="  home_foot: {kind: web}\n" + PERMUTATIONS)
    yaml = (
        (folder / "campaign.yaml")
        .read_text()
        .replace("  home_foot: {kind: web}\n", "")
        .replace("  home_hero:", "  home_foot: {kind: web}\n  home_hero:")
    )
    write(folder / "campaign.yaml", yaml)
    for name in ("default", "small"):
        write(
            folder / "home_foot" / f"{name}.html",
            FRAGMENT.format(category="home", more="default: true" if name == "default" else "", name=name),
        )
    cdn.missing.add("variant-books.")
    found = publish(house, cdn, clock)
    assert [(one.variant, one.chosen) for one in found.combinations] == [
        (f"{hero}+{foot}", True) for hero in ("default", "spring") for foot in ("default", "small")
    ]
    both = PlacementId("web.home_hero+web.home_foot")
    assert document(house, f"{both}/variant-default.json")["variant"] == "default+default"
    assert set(dict(document(house, f"{both}/variants.json")["variants"])) == {one.variant for one in found.combinations}  # type: ignore[call-overload]
    withdrawn(house, "web", (HERO, SPRING), "recalled", "ann")
    assert {key[1] for key in house.publications.served([both], clock.now())} == {"default+default", "default+small"}
    assert {one.variant for one in publish(house, cdn, clock).combinations} == {"default+default", "default+small"}
    again = publish(house, cdn, clock, (HERO, SPRING))
    assert len(again.combinations) == 4 and all(one.chosen for one in again.combinations)


def test_a_variant_that_left_the_folder_and_is_still_shown_is_told_of(house: House, cdn: Cdn, clock: SteeredClock, folder: Path) -> None:
    """Nobody is decided for it any more; whoever was sees it until somebody withdraws it."""
    publish(house, cdn, clock)
    (folder / "home_hero" / "spring.html").unlink()
    assert publish(house, cdn, clock).strays == ("web.home_hero/spring",)
    withdrawn(house, "web", (HERO, SPRING), "gone", "ann")
    assert content_standing(house, publishable(house, "web"), clock.now()).strays == ()


def test_a_campaign_that_pages_show_nothing_of_has_nothing_to_publish(house: House, people: Callable[[int], None]) -> None:
    """And says how it would."""
    people(1)
    with pytest.raises(InputError, match="pages show nothing of weekly"):
        publishable(house, "weekly")


def test_no_send_is_planned_while_a_default_is_not_published(
    house: House, people: Callable[[int], None], cdn: Cdn, clock: SteeredClock
) -> None:
    """With the command that mends it; other variants are left out instead."""
    people(20)
    content = checked_content(house, "web")
    with pytest.raises(InputError, match=r"web.home_hero/default, which is shown .* not published") as caught:
        planned_send(house, content, AT, clock.now())
    assert "letterpress publish web" in str(caught.value)
    cdn.missing.add("variant-spring.")
    publish(house, cdn, clock)
    assert planned_send(house, content, AT, clock.now()).campaign == "web"


@pytest.mark.journey
@pytest.mark.usefixtures("prefect")
def test_the_flow_publishes_through_a_real_server_and_fails_where_that_is_gone(
    house: House, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP, by the address in the settings. The run is red when a file does not come out, and what was published stays so."""
    place = Path(house.settings.content_place)
    place.mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(place)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    monkeypatch.setenv("LETTERPRESS_CONTENT_PUBLIC_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("LETTERPRESS_CONTENT_PATIENCE_SECONDS", "1")
    shared_house.cache_clear()
    assert publish_content("web") == 7
    server.shutdown()
    server.server_close()
    edit(folder, "warmer")
    with pytest.raises(UnavailableError, match="did not come out"):
        publish_content("web")
    found = content_standing(shared_house(), publishable(shared_house(), "web"), AT.max.replace(tzinfo=AT.tzinfo))
    assert chosen(found) == {"default", "books"}
