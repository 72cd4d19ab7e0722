"""What the shop sells: twenty things per category, each with a price that stays."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.people import CATEGORIES

_THINGS = {
    "garden": "trowel secateurs rake hose planter bulbs compost gloves watering-can trellis bird-feeder seeds lantern bench kneeler barrow "
    "pruner twine cloche sundial",
    "kitchen": "skillet teapot whisk apron knife board grinder colander mug carafe scale rolling-pin jar tin bowl peeler ladle timer towel "
    "mortar",
    "books": "novel atlas cookbook thriller biography poems essays history field-guide comic diary notebook calendar letters memoir sagas "
    "stories crime science philosophy",
    "outdoor": "tent boots lamp flask rucksack compass jacket hammock stove mat gaiters poles map whistle pillow socks towel cooler hat "
    "binoculars",
    "home": "lamp-shade cushion rug candle vase clock frame throw basket mirror hook curtain shelf coaster doormat blanket stool tray "
    "quilt bookend",
    "kids": "blocks puzzle kite crayons doll train game ball picture-book mobile bear drum scooter slippers night-light cards paint top "
    "marbles yo-yo",
}
_TYPICAL_PRICE = {"garden": 24.0, "kitchen": 29.0, "books": 15.0, "outdoor": 49.0, "home": 34.0, "kids": 19.0}


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Items by category: `names` str[categories, 20], `prices` float64[categories, 20] in euros."""

    names: npt.NDArray[np.object_]
    prices: npt.NDArray[np.float64]


def draw_catalogue(seed: int) -> Catalogue:
    """The things with prices drawn around what is usual in their category."""
    rng = np.random.default_rng([seed, 2])
    names = np.array([[f"{category}/{thing}" for thing in _THINGS[category].split()] for category in CATEGORIES], dtype=object)
    typical = np.array([_TYPICAL_PRICE[category] for category in CATEGORIES])
    prices = np.floor(typical[:, None] * rng.lognormal(0.0, 0.5, names.shape)) + 0.9
    return Catalogue(names, prices)
