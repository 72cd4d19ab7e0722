"""Homes to send from: a simulated shop of each size, imported, with a trained model. `python -m benchmarks.sending.homes FOLDER N…`

One model, trained on the smallest shop, decides in all of them, so that sizes differ in their recipients and their history only.
"""

import argparse
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from benchmarks.own_process import ROOT
from delivery.compile import compile_campaign
from domain.ids import CampaignId
from domain.model import ModelState
from flows.plan_send import checked_content
from flows.train_model import train_model
from runtime.house import House, open_house
from runtime.settings import Settings
from simulator.letters import surfaces_of
from simulator.shop import simulate_shop
from simulator.shop_files import DECISIONS, EVENTS, PURCHASES, RECIPIENTS
from storage.imports.columns import ImportKind
from storage.imports.run import Stores, run_import
from storage.imports.source import Source
from storage.models import ModelFiles

CAMPAIGN = CampaignId("weekly")
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEEKS = 4
SEED = 1
FILES = {
    ImportKind.RECIPIENTS: RECIPIENTS,
    ImportKind.DECISIONS: DECISIONS,
    ImportKind.EVENTS: EVENTS,
    ImportKind.PURCHASES: PURCHASES,
}


def home_of(folder: Path, recipients: int) -> Path:
    """The home of so many recipients."""
    return folder / f"home-{recipients}"


def make_homes(folder: Path, sizes: list[int], *, trained: bool) -> Mapping[int, House]:
    """A home for each size. Without `trained` there is no model, and every choice is uniform."""
    houses = {size: make_home(home_of(folder, size), size) for size in sorted(sizes)}
    if trained:
        smallest = next(iter(houses.values()))
        version = train_model(smallest, checked_content(smallest, CAMPAIGN), AT).model.model_version
        found = smallest.models.load(version)
        for house in houses.values():
            register(house, found)
    return houses


def make_home(home: Path, recipients: int) -> House:
    """A house with an imported shop."""
    shutil.copytree(ROOT / "templates", home / "templates")
    house = open_house(replace(Settings(), home=home))
    surfaces = surfaces_of(compile_campaign(home / "templates" / CAMPAIGN))
    simulate_shop(home / "shop", recipients=recipients, weeks=WEEKS, seed=SEED, until=AT, surfaces=surfaces)
    stores = Stores(house.recipients, house.lake)
    for kind, file in FILES.items():
        run_import(kind, Source(str(home / "shop" / file)), None, stores, name="shop", rejects=home / f"{kind}.csv", at=AT)
    return house


def register(house: House, model: ModelFiles) -> None:
    """Let this model decide, whatever its card says against it: what is measured is speed."""
    row = model.row
    if house.models.get(row.model_version) is None:
        house.models.save(
            row.model_version, row.campaign, model.files, row.card, trained_at=row.trained_at, as_of=row.as_of, state=ModelState.INCUMBENT
        )
    house.models.set_state(row.model_version, ModelState.INCUMBENT)


def main() -> None:
    """Print how many recipients, and rows of history, each home holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--untrained", action="store_true")
    asked = parser.parse_args()
    houses = make_homes(asked.folder, asked.sizes, trained=not asked.untrained)
    held = {str(size): house.lake.dataset("decisions").count_rows() for size, house in houses.items()}
    for house in houses.values():
        house.database.dispose()
    print(orjson.dumps(held).decode())


if __name__ == "__main__":
    main()
