"""Deciding for a whole send."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from domain.campaign import Campaign, Placement, Policy, Sender
from domain.content import Block, Content, Frame, Variant
from domain.hashing import keys_of, uniforms
from domain.ids import CampaignId, ContentVersion, PlacementId, SendId, VariantId
from domain.send import Send
from ranking.deciding.choice_sets import choice_sets
from ranking.deciding.decide import count_variants, published
from ranking.deciding.decide import decide as decide_sets
from ranking.features.compute import compute_features, serving_spine
from ranking.history import DECISIONS
from ranking.layout import FeatureFrame
from ranking.model import RankingModel
from tests.ranking.world import HERO, NOW, STORIES, VARIANTS, World

EXPLORE = 0.2


def content(**changes: object) -> Content:
    """A compiled campaign with the world's variants; the first ones of each placement are its defaults."""
    placements = (Placement(PlacementId(HERO), "hero"), Placement(PlacementId(STORIES), "stories", positions=3))
    campaign = Campaign(
        campaign=CampaignId("weekly"),
        title="Weekly",
        sender=Sender("Shop", "news@shop.example"),
        postal_address="1 Main Street",
        audience="TRUE",
        placements=placements,
        policy=Policy(temperature=0.5, explore=EXPLORE),
    )
    return Content(ContentVersion("c1"), campaign, Frame(("", ""), ("", ""), (PlacementId(HERO),)), _variants(**changes), ())


def _variants(**changes: object) -> tuple[Variant, ...]:
    found, ranks = [], {HERO: 1, STORIES: 3}
    for placement in (HERO, STORIES):
        for rank, v in enumerate((v for v in VARIANTS if v.placement == placement), start=1):
            default = rank <= ranks[placement]
            made = Variant(
                VariantId(v.variant), PlacementId(placement), v.variant, v.category, default, Block("", "", False),
                features=v.declared, default_rank=rank if default else None,
            )  # fmt: skip
            found.append(replace(made, **changes) if v.variant == "coats-2" else made)  # type: ignore[arg-type]
    return tuple(found)


def send(**changes: object) -> Send:
    made = Send(
        send_id=SendId("weekly-20260310T090000Z"),
        campaign=CampaignId("weekly"),
        scheduled_at=NOW,
        as_of=NOW,
        content_version=ContentVersion("c1"),
        model_version=None,
        shards=1,
        esp="folder",
        public_url="http://127.0.0.1",
        key_id="k",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def everyone(n: int, content: Content) -> dict[PlacementId, npt.NDArray[np.bool_]]:
    return {p.placement: np.ones((n, len(content.of(p.placement))), bool) for p in content.campaign.placements}


def with_arms(recipients: pd.DataFrame) -> pd.DataFrame:
    """Half a tenth holdout, a fifth explore, the rest incumbent."""
    u = uniforms(keys_of(recipients["recipient_id"]), "arms")
    return recipients.assign(arm=np.select([u < 0.05, u < 0.25], ["holdout", "explore"], "incumbent"))


def decide(
    recipients: pd.DataFrame,
    features: FeatureFrame | None,
    *,
    content: Content,
    eligible: dict[PlacementId, npt.NDArray[np.bool_]],
    model: RankingModel | None,
    send: Send,
) -> pd.DataFrame:
    """From features to decisions, without constraints that look back."""
    sets = choice_sets(len(recipients), features, content=content, eligible=eligible, model=model, as_of=send.as_of)
    return decide_sets(recipients, sets, content=content, model=model, send=send)


@pytest.fixture(scope="module")
def decided(world: World, model: RankingModel) -> pd.DataFrame:
    recipients = with_arms(world.recipients)
    features = compute_features(serving_spine(recipients, NOW), world.history, model.parameters)
    made = content()
    return decide(recipients, features, content=made, eligible=everyone(len(recipients), made), model=model, send=send(model_version="m"))


def test_decisions_have_the_lakes_columns(decided: pd.DataFrame) -> None:
    """The frame has exactly the columns of lake table `decisions`, and one row per recipient, placement and position."""
    assert list(decided.columns) == DECISIONS.names
    assert len(decided) == 1_500 * (1 + 3)
    assert decided["decision_id"].is_unique
    assert decided["score"].notna().all()


def test_positions_of_a_recipient_hold_different_variants(decided: pd.DataFrame) -> None:
    """Nobody gets the same variant twice in one placement."""
    assert not decided.duplicated(["recipient_id", "placement", "variant"]).any()


def test_holdout_gets_the_default_slate_with_certainty(decided: pd.DataFrame) -> None:
    """In the holdout position k shows default k, with probability 1."""
    rows = decided[(decided["arm"] == "holdout") & (decided["placement"] == STORIES)]
    slate = content().default_slate(PlacementId(STORIES))
    assert (rows["variant"] == rows["position"].map(dict(enumerate(slate, start=1)))).all()
    assert (rows[["propensity", "prefix_propensity"]] == 1).all(axis=None)


def test_the_model_finds_what_recipients_like(decided: pd.DataFrame, world: World) -> None:
    """The incumbent arm gets its favourite category in the hero much more often than the explore arm."""
    hero = decided[decided["placement"] == HERO]
    likes = pd.Series(np.array(["boots", "coats", "hats", "socks"])[world.likes], index=world.recipients["recipient_id"])
    liked = (hero["category"] == hero["recipient_id"].map(likes)).groupby(hero["arm"]).mean()
    assert liked["incumbent"] > 0.55
    assert liked["explore"] < 0.35


def test_decisions_do_not_depend_on_the_shard(decided: pd.DataFrame, world: World, model: RankingModel) -> None:
    """A part of the list, in another order, gets the same decisions as within the whole."""
    part = with_arms(world.recipients).sample(200, random_state=1)
    features = compute_features(serving_spine(part, NOW), world.history, model.parameters)
    made = content()
    found = decide(part, features, content=made, eligible=everyone(200, made), model=model, send=send(model_version="m"))
    expected = decided[decided["recipient_id"].isin(part["recipient_id"])]
    key = ["recipient_id", "placement", "position"]
    pd.testing.assert_frame_equal(
        found.sort_values(key).reset_index(drop=True), expected.sort_values(key).reset_index(drop=True), check_exact=False, rtol=1e-6
    )
    assert set(found["decision_id"]) == set(expected["decision_id"])


def test_variants_out_of_season_or_ineligible_never_appear(world: World, model: RankingModel) -> None:
    """A variant that is not live at as_of, or whose expression excludes a recipient, is never chosen for them."""
    recipients = with_arms(world.recipients)
    features = compute_features(serving_spine(recipients, NOW), world.history, model.parameters)
    made = content(live_until=NOW)
    eligible = everyone(len(recipients), made)
    eligible[PlacementId(STORIES)][::2, 0] = False
    found = decide(recipients, features, content=made, eligible=eligible, model=model, send=send())
    assert not (found["variant"] == "coats-2").any()
    barred = set(recipients["recipient_id"].iloc[::2]) - set(recipients.loc[recipients["arm"] == "holdout", "recipient_id"])
    stories = found[found["placement"] == STORIES]
    assert not stories["recipient_id"][stories["variant"] == made.of(PlacementId(STORIES))[0].variant].isin(barred).any()
    assert decide(
        recipients, features, content=content(live_from=NOW, live_until=NOW + timedelta(days=1)),
        eligible=everyone(len(recipients), made), model=model, send=send(),
    )["variant"].eq("coats-2").any()  # fmt: skip


def test_too_few_eligible_variants_are_filled_with_defaults(world: World) -> None:
    """Where one variant is eligible for three positions it comes first for certain, and defaults follow."""
    recipients = world.recipients.head(20).assign(arm="incumbent")
    made = content()
    eligible = everyone(20, made)
    eligible[PlacementId(STORIES)][:, :] = False
    eligible[PlacementId(STORIES)][:, 7] = True
    eligible[PlacementId(HERO)][:, :] = False
    found = decide(recipients, None, content=made, eligible=eligible, model=None, send=send())
    stories = found[found["placement"] == STORIES].groupby("position")
    last, slate = made.of(PlacementId(STORIES))[7].variant, made.default_slate(PlacementId(STORIES))
    assert [set(rows["variant"]) for _, rows in stories] == [{last}, {slate[0]}, {slate[1]}]
    assert (found["propensity"] == 1).all()
    assert set(found.loc[found["placement"] == HERO, "variant"]) == set(made.default_slate(PlacementId(HERO)))


def test_without_a_model_every_variant_is_equally_likely(world: World) -> None:
    """No model is said honestly: no scores, and propensities of 1 / candidates."""
    recipients = world.recipients.assign(arm="incumbent")
    made = content()
    found = decide(recipients, None, content=made, eligible=everyone(len(recipients), made), model=None, send=send())
    assert found["score"].isna().all()
    assert found["propensity"].to_numpy() == pytest.approx(1 / 8)
    counts = found[found["placement"] == HERO]["variant"].value_counts()
    assert counts.min() > 1_500 / 8 - 5 * np.sqrt(1_500 / 8)


def test_published_decisions_are_the_decided_ones(decided: pd.DataFrame) -> None:
    """The decision store gets one entry per recipient and placement, with the variants in the order of positions."""
    entries = list(published(decided))
    assert len(entries) == 1_500 * 2
    recipient, placement, variants, send_id = entries[-1]
    rows = decided[(decided["recipient_id"] == recipient) & (decided["placement"] == placement)].sort_values("position")
    assert variants == tuple(rows["variant"])
    assert send_id == "weekly-20260310T090000Z"


def test_variant_counts_add_up(decided: pd.DataFrame) -> None:
    """Counts by placement and variant sum to the number of decisions."""
    assert sum(count_variants(decided).values()) == len(decided)
