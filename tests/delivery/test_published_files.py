"""The files that pages fetch."""

from pathlib import Path

import orjson

from delivery.compile import compile_campaign
from delivery.published_files import combined_files, default_files, file_of, folders_of, listing_of, names, published_variants, version_of
from domain.content import Content
from domain.ids import PlacementId, VariantId
from domain.publication import Publication, PublicationState
from tests.delivery.campaigns import variant
from tests.delivery.test_prewarming import AT
from tests.delivery.test_web_forms import FILES, PAGES, pages

HERO, STRIP = PlacementId("web.home_hero"), PlacementId("web.home_strip")


def compiled(folder: Path, **changes: str) -> Content:
    """The pages, with files written differently."""
    return compile_campaign(pages(folder, {name.replace("__", "/") + ".html": text for name, text in changes.items()}))


def test_a_variants_file_says_all_a_page_needs(tmp_path: Path) -> None:
    """Its name has the first digits of its version, and lasts as long as a cache keeps it."""
    spring = next(file for file in map(file_of, published_variants(compiled(tmp_path))) if file.variant == "spring")
    assert spring.path == f"web.home_hero/variant-spring.{spring.version[:8]}.json"
    assert "immutable" in spring.cache
    assert orjson.loads(spring.body) == {
        "placement": "web.home_hero",
        "variant": "spring",
        "version": spring.version,
        "html": '<p>Spring <img src="/s.jpg" alt="Tulips"></p>',
        "fields": {"price": 4.5},
        "alt": ["Tulips"],
    }


def test_a_version_changes_with_what_is_published_and_with_nothing_else(tmp_path: Path) -> None:
    """Conditions and other variants are not in the file; fields and fragments are."""

    def versions(folder: str, **changes: str) -> dict[str, str]:
        return {one.variant: version_of(one) for one in published_variants(compiled(tmp_path / folder, **changes))}

    before = versions("before")
    assert versions("where", home_hero__spring=FILES["home_hero/spring.html"].replace("orders > 2", "orders > 3")) == before
    changed = versions("fields", home_hero__spring=FILES["home_hero/spring.html"].replace("4.5", "4.6"))
    assert {name for name, version in changed.items() if version != before[name]} == {"spring"}
    assert versions("html", home_hero__plain=variant("<p>Plainer</p>", default="true"))["plain"] != before["plain"]


def test_the_default_of_several_positions_is_the_slate(tmp_path: Path) -> None:
    """The first default's document, with those of all positions; kept for a minute."""
    hero, strip = default_files(compiled(tmp_path))
    assert (hero.path, hero.cache) == ("web.home_hero/variant-default.json", "public, max-age=60")
    assert "slate" not in orjson.loads(hero.body)
    document = orjson.loads(strip.body)
    assert (document["variant"], [one["variant"] for one in document["slate"]]) == ("one", ["one", "two"])


def test_combinations_are_made_of_published_variants_alone(tmp_path: Path) -> None:
    """One file each; they and their default know their parts."""
    yaml = PAGES.replace(", positions: 2", "") + "permutations: [[home_hero, home_strip]]\n"
    strip = {"home_strip/one.html": variant("<p>1</p>", default="true"), "home_strip/two.html": variant("<p>2</p>")}
    content = compile_campaign(pages(tmp_path, {"campaign.yaml": yaml, **strip}))
    hero = [(HERO, VariantId("plain")), (HERO, VariantId("spring"))]
    found = list(combined_files(content, [*hero, (STRIP, VariantId("one")), (STRIP, VariantId("two"))]))
    assert [file.variant for file in found] == ["plain+one", "plain+two", "spring+one", "spring+two"]
    assert found[0].path == f"web.home_hero+web.home_strip/variant-plain+one.{found[0].version[:8]}.json"
    assert [part["html"] for part in orjson.loads(found[0].body)["parts"]] == ["<p>Plain</p>", "<p>1</p>"]
    assert list(combined_files(content, hero)) == []
    assert folders_of(content) == (HERO, STRIP, "web.home_hero+web.home_strip")
    assert next(file for file in default_files(content) if "+" in file.placement).body == found[0].body
    assert names(found[0].key, hero[0]) and not names(found[0].key, hero[1]) and not names(hero[0], hero[0])


def test_the_listing_says_where_each_shown_variant_is() -> None:
    """For whoever has decisions and no database."""
    shown = Publication(HERO, VariantId("spring"), "ab" * 16, "u", PublicationState.PUBLISHED, AT)
    file = listing_of(HERO, [VariantId("plain")], [shown])
    assert file.path == "web.home_hero/variants.json"
    assert orjson.loads(file.body) == {
        "placement": "web.home_hero",
        "default": ["plain"],
        "variants": {"spring": {"version": "ab" * 16, "path": "web.home_hero/variant-spring.abababab.json"}},
    }
