"""The shop's files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from domain.errors import InputError
from simulator.letters import WEEKLY, Surface
from simulator.logging_policy import UNIFORM, believed_favourites, believed_weights, marginals
from simulator.people import People
from simulator.shop import ShopSummary, simulate_shop
from simulator.shop_files import DECISIONS, EVENTS, PURCHASES, RECIPIENTS, TRUTH, load_truth
from simulator.truth import attraction, examination
from storage.database import Database
from storage.imports.columns import SPECIFICATIONS, ImportKind
from storage.imports.run import Stores, run_import
from storage.imports.source import Source
from storage.lake import Lake
from storage.recipients import Recipients
from tests.simulator.world import SEED, UNTIL

FILES: Mapping[ImportKind, str] = {
    ImportKind.RECIPIENTS: RECIPIENTS,
    ImportKind.DECISIONS: DECISIONS,
    ImportKind.EVENTS: EVENTS,
    ImportKind.PURCHASES: PURCHASES,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def summary(folder: Path) -> ShopSummary:
    return simulate_shop(folder, recipients=8_000, weeks=3, seed=SEED, until=UNTIL)


@pytest.fixture(scope="module")
def decisions(folder: Path, summary: ShopSummary) -> pd.DataFrame:
    assert summary.decisions
    return pd.read_parquet(folder / DECISIONS)


def test_the_same_seed_the_same_bytes(tmp_path: Path) -> None:
    """Same arguments give the same files byte for byte; another seed gives others."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate_shop(tmp_path / name, recipients=300, weeks=2, seed=seed, until=UNTIL)
    for file in (*FILES.values(), TRUTH):
        same, other = ((tmp_path / name / file).read_bytes() for name in ("b", "c"))
        assert (tmp_path / "a" / file).read_bytes() == same != other


def test_counts(folder: Path, summary: ShopSummary, decisions: pd.DataFrame) -> None:
    """The summary counts what is in the files: six decisions per letter, about 97 % of the recipients written to."""
    assert summary.decisions == len(decisions) == 6 * summary.letters
    assert summary.letters == pytest.approx(3 * 0.97 * 8_000, rel=0.02)
    assert summary.clicked_letters == decisions.loc[decisions["placement"] == "weekly.subject", "clicked"].sum()
    assert summary.purchases == len(pd.read_parquet(folder / PURCHASES))
    assert summary.events == len(pd.read_parquet(folder / EVENTS))


def test_everything_can_be_imported(folder: Path, summary: ShopSummary, sqlite_database: Database, lake: Lake, tmp_path: Path) -> None:
    """`letterpress import` takes every row of every file, and refuses none."""
    stores = Stores(Recipients(sqlite_database), lake)
    for kind, file in FILES.items():
        report = run_import(kind, Source(str(folder / file)), None, stores, name="shop", rejects=tmp_path / "rejects.csv", at=UNTIL)
        assert (report.written, report.refused) == (report.read, {})
    assert stores.recipients.count() == summary.recipients


@pytest.mark.parametrize("kind", [ImportKind.DECISIONS, ImportKind.EVENTS, ImportKind.PURCHASES])
def test_columns_are_those_of_the_import(kind: ImportKind, folder: Path, summary: ShopSummary) -> None:
    """The files have columns that `letterpress import` knows, and all that it needs."""
    columns, known = set(pd.read_parquet(folder / FILES[kind]).columns), SPECIFICATIONS[kind].columns
    assert summary
    assert columns <= {column.name for column in known}
    assert columns >= {column.name for column in known if column.required}


def test_recipients_are_believable(folder: Path, summary: ShopSummary) -> None:
    """Mailboxes are distinct and reserved ones, zones fit countries, and some names are hard on careless templates."""
    people = pd.read_csv(folder / RECIPIENTS, keep_default_na=False)
    assert summary.recipients == people["address"].nunique() == people["recipient_id"].nunique()
    assert people["address"].str.endswith(".example").all()
    assert (people.loc[people["country"] == "DE", "time_zone"] == "Europe/Berlin").all()
    assert people["first_name"].str.contains(r"[<{&']").any()
    assert set(people["tier"]) == {"none", "silver", "gold"}


def test_outcomes_follow_decisions(decisions: pd.DataFrame) -> None:
    """Nothing is clicked before it was sent or after the history ends, and only what was clicked converts."""
    clicked = decisions[decisions["clicked"]]
    assert (clicked["clicked_at"] >= clicked["decided_at"]).all()
    assert (clicked["clicked_at"] < pd.Timestamp(UNTIL)).all()
    assert decisions.loc[~decisions["clicked"], ["clicked_at", "converted_at", "revenue"]].isna().all(axis=None)
    assert (decisions["revenue"].notna() == decisions["converted"]).all()
    assert not (decisions["converted"] & ~decisions["clicked"]).any()


def test_only_who_consented_and_was_known(folder: Path, decisions: pd.DataFrame) -> None:
    """Past letters went to recipients who had consented and were known at the time."""
    people = pd.read_csv(folder / RECIPIENTS, parse_dates=["created_at"]).set_index("recipient_id")
    sent = decisions.join(people[["consent", "created_at"]], on="recipient_id")
    assert sent["consent"].all()
    assert (sent["created_at"] < sent["decided_at"]).all()


def test_conversions_are_purchases(folder: Path, decisions: pd.DataFrame) -> None:
    """Each conversion of a block is a purchase of the same recipient and amount at the same time."""
    purchases = pd.read_parquet(folder / PURCHASES)
    blocks = decisions[decisions["converted"] & (decisions["placement"] != "weekly.subject")]
    bought = set(zip(purchases["recipient_id"], purchases["amount"], purchases["occurred_at"], strict=True))
    assert set(zip(blocks["recipient_id"], blocks["revenue"], blocks["converted_at"], strict=True)) <= bought


def test_the_subject_is_credited_with_its_letter(decisions: pd.DataFrame) -> None:
    """A subject line counts as clicked when anything in its letter was."""
    by_letter = decisions.assign(is_subject=decisions["placement"] == "weekly.subject").groupby(
        ["recipient_id", "decided_at", "is_subject"]
    )
    clicked = by_letter["clicked"].max().unstack("is_subject")
    assert (clicked[True] == clicked[False]).all()


def test_position_effect(decisions: pd.DataFrame) -> None:
    """In the uniform part of the log a story is clicked less the lower it stands."""
    stories = decisions[decisions["placement"] == "weekly.story"]
    weights = UNIFORM / 8 / stories["propensity"]
    clicks = (stories["clicked"] * weights).groupby(stories["position"]).sum() / weights.groupby(stories["position"]).sum()
    assert clicks.is_monotonic_decreasing
    assert clicks.loc[3] / clicks.loc[1] == pytest.approx(0.95 / 2.05 / (0.95 / 1.35), rel=0.25)


def test_propensities_lead_to_the_truth(folder: Path, decisions: pd.DataFrame) -> None:
    """Weighted by inverse propensities, the log's hero clicks estimate those under uniform choice as the truth has them."""
    people, seed = load_truth(folder)
    hero = decisions[decisions["placement"] == "weekly.hero"]
    weight = 1 / 7 / hero["propensity"]
    estimate, error = np.average(hero["clicked"], weights=weight), (hero["clicked"] * weight).std() / np.sqrt(len(hero))
    opened, shown = (draws(people, surface, seed) for surface in WEEKLY[:2])
    assert abs(estimate - (opened * shown).mean()) < 4 * error


def draws(people: People, surface: Surface, seed: int) -> np.ndarray:
    """What a person does on average with the surface when its variant is uniform, or with the past policy's subject lines."""
    drawn = attraction(people, surface, seed)
    if not surface.is_subject:
        return np.asarray(drawn.mean(axis=1) * examination(surface)[0])
    beliefs = (1 - UNIFORM) * marginals(believed_weights(surface, seed), 1)[:, :, 0] + UNIFORM / len(surface.choices)
    return np.asarray((drawn * beliefs[believed_favourites(people)]).sum(axis=1))


@pytest.mark.parametrize(("recipients", "weeks"), [(0, 1), (1, 0), (-3, 2)])
def test_sizes(recipients: int, weeks: int, tmp_path: Path) -> None:
    """A shop without recipients or weeks is refused, and nothing is written."""
    with pytest.raises(InputError):
        simulate_shop(tmp_path / "shop", recipients=recipients, weeks=weeks, seed=1, until=UNTIL)
    assert not (tmp_path / "shop").exists()


def test_smallest_shop(tmp_path: Path) -> None:
    """One recipient and one week are a shop, even if nobody clicks or buys."""
    assert simulate_shop(tmp_path, recipients=1, weeks=1, seed=3, until=UNTIL).recipients == 1


def test_no_truth_here(tmp_path: Path) -> None:
    """A folder that is no simulated shop is refused with what would make it one."""
    with pytest.raises(InputError, match="letterpress simulate shop"):
        load_truth(tmp_path)


def test_unfinished_shop(tmp_path: Path) -> None:
    """The truth is written last, so an interrupted simulation is not taken for a shop."""

    def stop(_done: int, _weeks: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_shop(tmp_path, recipients=50, weeks=2, seed=1, until=UNTIL, progress=stop)
    assert not (tmp_path / TRUTH).exists()
