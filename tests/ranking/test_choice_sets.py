"""What may be drawn: caps on variants, the diversity floor and limits, settled before anything is drawn."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from domain.campaign import Cap, Diversity, Policy
from domain.content import Content
from domain.hashing import keys_of
from domain.ids import PlacementId, VariantId
from ranking.deciding.choice_sets import ChoiceSets, choice_sets, constraint_words, is_constrained, temperature_of, windows_of
from ranking.deciding.decide import decide
from ranking.deciding.diversity import Floor
from ranking.deciding.exposures import aligned
from ranking.deciding.pricing import Pricing, price_frame, prices_by_placement
from ranking.features.compute import compute_features, serving_spine
from ranking.model import RankingModel
from tests.ranking.test_decide import content, everyone, send, with_arms
from tests.ranking.world import HERO, NOW, STORIES, World

EXPOSURES = ["recipient_id", "placement", "variant", "category", "within_days", "within_messages"]


def governed(policy: Policy, **changes: object) -> Content:
    """The test campaign under another policy; `changes` are those of the variant coats-2."""
    made = content(**changes)
    return replace(made, campaign=replace(made.campaign, policy=policy))


def sets_of(made: Content, recipients: pd.DataFrame, exposures: pd.DataFrame | None, model: RankingModel | None = None) -> ChoiceSets:
    """Choice sets without features."""
    n = len(recipients)
    shown = None if exposures is None else aligned(exposures, recipients["recipient_id"])
    return choice_sets(n, None, content=made, eligible=everyone(n, made), model=model, as_of=NOW, exposures=shown)


def shown(*rows: tuple[object, ...]) -> pd.DataFrame:
    """Exposures."""
    return pd.DataFrame(rows, columns=EXPOSURES)


@pytest.fixture(scope="module")
def recipients(world: World) -> pd.DataFrame:
    return with_arms(world.recipients)


def entropy(counts: "pd.Series[int]") -> float:
    """In nats."""
    shares = counts / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def test_a_variant_shown_as_often_as_its_cap_says_never_appears(recipients: pd.DataFrame) -> None:
    """The policy's cap holds for all variants, a variant's own goes before it, and whoever was not shown it that often may get it."""
    made = governed(Policy(0.5, 0.2, variant_cap=Cap(2, 28)), cap=Cap(1, 7))
    ids = recipients["recipient_id"]
    first = made.of(PlacementId(STORIES))[0].variant
    rows = [(one, STORIES, first, "coats", 2, 0) for one in ids[:100]] + [(one, STORIES, "coats-2", "coats", 1, 0) for one in ids[:50]]
    sets = sets_of(made, recipients, shown(*rows))
    found = decide(recipients, sets, content=made, model=None, send=send())
    stories = found[(found["placement"] == STORIES) & (found["arm"] != "holdout")]
    assert not stories.loc[stories["recipient_id"].isin(ids[:100]), "variant"].eq(first).any()
    assert not stories.loc[stories["recipient_id"].isin(ids[:50]), "variant"].eq("coats-2").any()
    assert stories.loc[stories["recipient_id"].isin(ids[50:100]), "variant"].eq("coats-2").any()
    drawn = (recipients["arm"] != "holdout").to_numpy()
    assert sets.counts(drawn) == {f"repeats.{STORIES}": int(drawn[:100].sum())}


def test_a_cap_asks_for_its_own_days(recipients: pd.DataFrame) -> None:
    """What is looked up: the variant's own window, else the policy's; for the floor the letters before this one."""
    plain = windows_of(content())
    assert not is_constrained(content()) and plain.days == {} and plain.messages == 0
    made = governed(Policy(0.5, 0.2, variant_cap=Cap(2, 28), diversity=Diversity(1.0, 4)), cap=Cap(1, 7))
    assert is_constrained(made)
    found = windows_of(made)
    assert {key: days.days for key, days in found.days.items() if key[1] == "coats-2"} == {(HERO, "coats-2"): 7, (STORIES, "coats-2"): 7}
    assert {days.days for key, days in found.days.items() if key[1] != "coats-2"} == {28}
    assert (found.messages, set(found.placements)) == (3, {HERO, STORIES})


def test_every_letter_keeps_the_floor_with_what_was_shown_before(recipients: pd.DataFrame) -> None:
    """Whatever is drawn, explorers included, the categories of the last letters and this one reach the floor where they can."""
    made = governed(Policy(0.5, 0.2, diversity=Diversity(0.9, 3)))
    before = shown(*((one, STORIES, "old", "boots", 0, 5) for one in recipients["recipient_id"]))
    sets = sets_of(made, recipients, before)
    assert sets.floor is not None
    found = decide(recipients, sets, content=made, model=None, send=send())
    drawn = recipients["recipient_id"][(recipients["arm"] != "holdout") & (sets.floor.status < Floor.TOO_FEW_SHOWN)]
    assert len(drawn) == (recipients["arm"] != "holdout").sum()
    letters = found[found["recipient_id"].isin(drawn)].groupby("recipient_id")["category"]
    spread = letters.apply(lambda own: entropy(pd.concat([own, pd.Series(["boots"] * 5)]).value_counts()))
    assert spread.min() >= 0.9 - 1e-9
    assert (sets.floor.status == Floor.RESTRICTED).all()
    assert constraint_words("diversity.restricted") == "diversity: kept above the floor by fewer candidates"
    assert sets.counts(np.ones(len(recipients), bool)) == {"diversity.restricted": len(recipients)}


def test_propensities_under_the_floor_are_those_of_what_may_be_drawn(recipients: pd.DataFrame) -> None:
    """At the first position the propensities of a recipient's candidates still sum to 1: over many draws, choices follow them."""
    made = governed(Policy(0.5, 0.2, diversity=Diversity(0.9, 3)))
    sets = sets_of(made, recipients, shown(*((one, STORIES, "old", "boots", 0, 5) for one in recipients["recipient_id"])))
    found = decide(recipients, sets, content=made, model=None, send=send())
    heroes = found[(found["placement"] == HERO) & (found["arm"] != "holdout")]
    candidates = sets.of(PlacementId(HERO)).candidates.eligible.sum(axis=1)
    known = pd.Series(candidates, index=recipients["recipient_id"])
    assert heroes["propensity"].to_numpy() == pytest.approx(1 / heroes["recipient_id"].map(known).to_numpy())
    assert (heroes["candidates"].to_numpy() == heroes["recipient_id"].map(known).to_numpy()).all()


def test_a_limit_is_kept_over_the_whole_audience(world: World, recipients: pd.DataFrame, model: RankingModel) -> None:
    """Of 80 there are 80: fewer are handed out, nearly all are used, and those get it whom the model expects to care most."""
    made = governed(Policy(0.5, 0.2), limit_per_send=80)
    features = compute_features(serving_spine(recipients, NOW), world.history, model.parameters)
    n, arm = len(recipients), recipients["arm"].to_numpy(dtype=object)
    sets = choice_sets(n, features, content=made, eligible=everyone(n, made), model=model, as_of=NOW)
    free = decide(recipients, sets, content=made, model=model, send=send())
    assert (free.loc[free["placement"] == STORIES, "variant"] == "coats-2").sum() > 300
    pricing = Pricing(made, model)
    keys = keys_of(recipients["recipient_id"].to_numpy(dtype=object))
    pricing.add(keys, sets, exploring=arm == "explore", holdout=arm == "holdout")
    kept = price_frame(pricing.found(send().send_id))
    assert kept[["placement", "variant", "limit_per_send"]].to_numpy().tolist() == [[name, "coats-2", 80] for name in (HERO, STORIES)]
    prices = prices_by_placement(kept, made)
    found = decide(recipients, sets, content=made, model=model, send=send(), prices=prices)
    chosen = found[(found["variant"] == "coats-2") & (found["placement"] == STORIES)]
    assert 30 <= len(chosen) <= 80
    scores = sets.of(PlacementId(STORIES)).log_rates[:, [v.variant for v in made.of(PlacementId(STORIES))].index(VariantId("coats-2"))]
    assert np.exp(scores[np.isin(recipients["recipient_id"], chosen["recipient_id"])]).mean() > 1.2 * np.exp(scores).mean()


def test_a_limit_that_no_price_meets_is_explained(recipients: pd.DataFrame) -> None:
    """Where most have nothing else to choose from, the explanation counts them."""
    made = governed(Policy(0.5, 0.2), limit_per_send=5)
    eligible = everyone(len(recipients), made)
    eligible[PlacementId(STORIES)][:, :] = [v.variant == "coats-2" for v in made.of(PlacementId(STORIES))]
    sets = choice_sets(len(recipients), None, content=made, eligible=eligible, model=None, as_of=NOW)
    pricing, none = Pricing(made, None), np.zeros(len(recipients), bool)
    pricing.add(keys_of(recipients["recipient_id"].to_numpy(dtype=object)), sets, exploring=none, holdout=none)
    [why] = [text for text in pricing.found(send().send_id).unmet if text.startswith(STORIES)]
    assert why.startswith(f"{STORIES}/coats-2: limit 5") and "no other candidate for a position: 1,500" in why


def test_the_temperature_is_the_campaigns_else_the_models(model: RankingModel) -> None:
    """A campaign that leaves it out follows what training found; without a model there is a plain default."""
    assert temperature_of(Policy(temperature=0.7), model) == 0.7
    assert temperature_of(Policy(), None) == 0.5
    assert temperature_of(Policy(), model) == (model.card.temperature or 0.5)
