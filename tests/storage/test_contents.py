"""Contents come back exactly as they were compiled, so that every letter can be printed again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.campaign import Campaign, Cap, Diversity, Holdout, Placement, Policy, Sender
from domain.content import Block, Content, Frame, Link, Variant
from domain.departure import Departure, Gates, QuietHours, UnknownPolicy, WarmUp, Waves
from domain.errors import InputError
from domain.ids import CampaignId, ContentVersion, PlacementId, VariantId
from storage.contents import Contents
from storage.database import Database
from storage.schema import variants

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
WORD = st.text(st.characters(codec="utf-8"), min_size=3, max_size=30)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
SHARES = st.floats(0, 1)
FEATURES = st.dictionaries(TEXT, st.one_of(TEXT, st.booleans(), st.floats(allow_nan=False, allow_infinity=False)), max_size=3)

CAPS = st.builds(Cap, messages=st.integers(1, 9), per_days=st.integers(1, 99))

CAMPAIGNS = st.builds(
    Campaign,
    campaign=WORD,
    title=TEXT,
    sender=st.builds(Sender, name=WORD, address=WORD),
    postal_address=WORD,
    audience=WORD,
    placements=st.lists(st.builds(Placement, placement=WORD, folder=WORD, positions=st.integers(1, 5)), max_size=3).map(tuple),
    holdout=st.builds(Holdout, share=SHARES, salt=WORD),
    policy=st.builds(
        Policy,
        temperature=st.none() | st.floats(0.01, 10),
        explore=SHARES,
        variant_cap=st.none() | CAPS,
        diversity=st.none() | st.builds(Diversity, floor=st.floats(0, 3), messages=st.integers(1, 50)),
    ),
    caps=st.lists(CAPS, max_size=2).map(tuple),
    quiet_hours=st.none() | st.builds(QuietHours, start=st.times(), end=st.times()),
    departure=st.builds(
        Departure,
        per_minute=st.none() | st.integers(1, 10_000),
        warm_up=st.none()
        | st.builds(WarmUp, began_on=st.dates(), per_day=st.lists(st.integers(1, 10_000), min_size=1, max_size=5).map(tuple)),
        local_time=st.none() | st.times(),
        deadline_hours=st.none() | st.floats(0.1, 1_000),
        unknown=st.sampled_from(UnknownPolicy),
    ),
    waves=st.none()
    | st.builds(
        Waves,
        shares=st.lists(st.floats(0.01, 1), min_size=1, max_size=5).map(tuple),
        soak_minutes=st.floats(0, 1_000),
        gates=st.builds(Gates, bounces=SHARES, minimum=st.integers(1, 1_000)),
    ),
    approval=st.booleans(),
)
CONTENTS = st.builds(
    Content,
    content_version=WORD,
    campaign=CAMPAIGNS,
    frame=st.builds(Frame, html=st.tuples(TEXT, TEXT), text=st.tuples(TEXT, TEXT), slots=st.tuples(WORD)),
    variants=st.lists(
        st.builds(
            Variant,
            variant=WORD,
            placement=WORD,
            live_from=st.none() | INSTANTS,
            live_until=st.none() | INSTANTS,
            features=FEATURES,
            cap=st.none() | CAPS,
            limit_per_send=st.none() | st.integers(1, 10**9),
        ),
        max_size=3,
        unique_by=lambda variant: (variant.placement, variant.variant),
    ).map(tuple),
    links=st.lists(st.builds(Link, link_id=WORD, url=TEXT, ordinal=st.integers(0, 99)), max_size=3).map(tuple),
)


def content(version: str, *names: str, campaign: str = "weekly") -> Content:
    """A content with these variants of one placement."""
    sender = Sender("Ann", "ann@example.org")
    whole = Campaign(CampaignId(campaign), "Weekly", sender, "1 Press Lane", "true", (Placement(PlacementId("weekly.hero"), "hero"),))
    blocks = [Block(f"<p>{name}</p>", name, dynamic=False) for name in names]
    made = [
        Variant(VariantId(name), PlacementId("weekly.hero"), name, "news", name == names[0], block)
        for name, block in zip(names, blocks, strict=True)
    ]
    return Content(ContentVersion(version), whole, Frame(("<body>", "</body>"), ("", ""), (PlacementId("weekly.hero"),)), tuple(made), ())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(whole=CONTENTS)
def test_content_survives_exactly(sqlite_database: Database, whole: Content) -> None:
    """Whatever a campaign holds, what is loaded equals what was saved, types included."""
    contents = Contents(sqlite_database)
    with sqlite_database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM contents")
        connection.exec_driver_sql("DELETE FROM variants")
    contents.save(whole, AT)
    loaded = contents.load(whole.content_version)
    assert loaded == whole
    kinds = [[type(value) for value in variant.features.values()] for variant in whole.variants]
    assert [[type(value) for value in variant.features.values()] for variant in loaded.variants] == kinds


def test_saving_a_version_again_changes_nothing(database: Database) -> None:
    """A content version never changes once it is kept."""
    contents = Contents(database)
    contents.save(content("c1", "a"), AT)
    contents.save(content("c1", "a", "b"), AT)
    assert contents.load(ContentVersion("c1")) == content("c1", "a")


def test_the_latest_content_is_that_compiled_last(database: Database) -> None:
    """Each campaign has its own latest content; without any there is none."""
    contents = Contents(database)
    contents.save(content("c2", "a"), AT)
    contents.save(content("c1", "b"), AT + timedelta(hours=1))
    contents.save(content("c3", "x", campaign="other"), AT + timedelta(hours=2))
    assert contents.latest(CampaignId("weekly")) == content("c1", "b")
    assert contents.latest(CampaignId("nothing")) is None


def test_an_unknown_version_is_the_users_mistake(database: Database) -> None:
    """Loading what was never saved is InputError."""
    with pytest.raises(InputError):
        Contents(database).load(ContentVersion("nothing"))


def test_variants_are_noted_with_their_first_appearance(database: Database) -> None:
    """A variant that is compiled again keeps the instant it was first seen, and tells its newest version."""
    contents = Contents(database)
    contents.save(content("c1", "a"), AT)
    contents.save(replace(content("c2", "a", "b")), AT + timedelta(hours=1))
    with database.connect() as connection:
        rows = {row.variant: row for row in connection.execute(sa.select(variants))}
    assert rows["a"].content_version == "c2"
    assert rows["a"].first_seen_at == AT
    assert rows["b"].first_seen_at == AT + timedelta(hours=1)
