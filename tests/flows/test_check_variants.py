"""Watching variants: what they were shown for, what came of it, and what becomes of bad ones."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from domain.audit import Deed
from domain.ids import PlacementId, VariantId, send_id_of
from domain.variant_state import Retirement
from flows.check_variants import check_variants, latest_content, retire_flagged, variants_of
from flows.send_campaign import send_campaign
from letterpress.campaign_notes import campaign_notes
from letterpress.commands.variants import shown
from runtime.clock import now
from runtime.house import House

pytestmark = [pytest.mark.journey, pytest.mark.usefixtures("prefect")]
HERO = PlacementId("weekly.hero")


def send_of(house: House, days_ago: float) -> str:
    """A send whose labels are closed."""
    return str(house.send(send_campaign("weekly", now().replace(microsecond=0) - timedelta(days=days_ago))).send_id)


def logged(house: House, send_id: str, rates: dict[str, float], shown: int = 4_000) -> None:
    """Put decisions of a model into the lake in place of the send's own: each variant predicted at 5 %, clicked as often as told."""
    for path in house.lake.files("decisions", {"send_id": send_id}):
        house.lake.remove_file(path)
    at, rng = pd.Timestamp(now()).as_unit("us"), np.random.default_rng(1)
    variant = np.repeat(list(rates), shown)
    ids = [f"{send_id}-{row}" for row in range(len(variant))]
    frame = pd.DataFrame(
        {"decision_id": ids, "send_id": send_id, "recipient_id": ids, "placement": HERO, "position": 1, "variant": variant}
    )
    frame = frame.assign(category="home", arm="incumbent", score=0.05, decided_at=at, received_at=at, source="letterpress")
    house.lake.write("decisions", frame, partition={"send_id": send_id}, name="shard-0000")
    clicked = frame[rng.random(len(frame)) < frame["variant"].map(rates)]
    outcomes = clicked[["decision_id", "recipient_id"]].assign(kind="click", occurred_at=at, received_at=at, source="letterpress")
    house.lake.write("outcomes", outcomes, partition={"send_id": send_id}, name="clicks")


def in_words(told: object) -> str:
    """What a wide terminal shows."""
    said = StringIO()
    Console(width=200, file=said).print(told)
    return said.getvalue()


@pytest.fixture
def watched(house: House, people: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> House:
    """A send of which `books` is clicked half as often as it should be."""
    people(200)
    send_id = send_of(house, 20)
    logged(house, send_id, {"default": 0.05, "spring": 0.05, "books": 0.025})
    with house.database.begin() as connection:
        connection.exec_driver_sql("UPDATE sends SET model_version = 'm1'")
    return house


def test_a_bad_variant_is_found_and_told_of(watched: House) -> None:
    """It is flagged with the size of its miss; the others are not, and nothing is retired where the campaign does not say so."""
    checked = variants_of(watched, "weekly")
    assert {one.shown.variant: one.flagged for one in checked.found} == {"default": False, "spring": False, "books": True}
    assert check_variants("weekly") == 1
    assert watched.retirements.at(now()) == {}
    said = in_words(shown(checked))
    assert "weekly.hero/books" in said and "were to be expected of its readers: -" in said


def test_a_flagged_variant_is_retired_where_the_campaign_says_so(watched: House, campaign_folder: Path) -> None:
    """Once, with the reason in the audit; the next send does not choose it, until somebody takes that back."""
    file = campaign_folder / "campaign.yaml"
    file.write_text(file.read_text() + "variant_health: {retire: true}\n")
    at = now().replace(microsecond=0)
    assert send_campaign("weekly", at - timedelta(hours=1)) is not None  # the content that says so is now the campaign's
    assert check_variants("weekly") == 1 == check_variants("weekly")
    [entry] = [entry for entry in watched.audit.of() if entry.what is Deed.VARIANT_RETIRED]
    assert "clicks where" in (entry.why or "") and entry.detail == {"placement": HERO, "variant": "books"}
    [note] = [note for note in campaign_notes(watched.settings, [campaign_folder]) if "retired" in note]
    assert note.startswith("weekly.hero/books is retired since") and "clicks where" in note
    variants = chosen(watched, "weekly", at)
    assert "books" not in variants and "spring" in variants
    assert watched.retirements.revive(Retirement(HERO, VariantId("books"), now(), "ann", "rewritten"))
    assert "books" in chosen(watched, "weekly", at + timedelta(hours=1))


def chosen(house: House, campaign: str, at: object) -> set[str]:
    """The heroes of the send of an instant."""
    send_campaign(campaign, at)  # type: ignore[arg-type]
    decisions = house.lake.read("decisions", {"send_id": send_id_of(house.campaign_folder(campaign)[0], at)})  # type: ignore[arg-type]
    return set(decisions.loc[decisions["placement"] == HERO, "variant"])


def test_the_default_variant_is_never_retired(watched: House) -> None:
    """However bad: it is what the holdout gets, and what stands in when something fails."""
    content = latest_content(watched, "weekly")
    checked = variants_of(watched, "weekly")
    logged(watched, checked.sends[0], {"default": 0.01, "spring": 0.05, "books": 0.05})
    again = variants_of(watched, "weekly")
    assert [one.shown.variant for one in again.found if one.flagged] == ["default"]
    assert retire_flagged(watched, content, again).retired == ()
