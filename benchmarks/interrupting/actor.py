"""One act in a process of its own, killed at a step if so asked: `actor ACT STEP`, or `actor kept` for what the house keeps.

Prints a JSON object: how many steps that last there were, or the digests.
"""

import logging
import sys

import orjson

from benchmarks.interrupting.acts import act
from benchmarks.interrupting.kept import digests
from benchmarks.interrupting.steps import Steps
from runtime import clock
from runtime.house import shared_house
from runtime.services import decision_store_running
from simulator.clock import SteeredClock


def main() -> None:
    """Do it."""
    logging.disable(logging.CRITICAL)
    house = shared_house()
    with decision_store_running(house.settings):
        found = digests(house) if sys.argv[1] == "kept" else {"steps": _done(sys.argv[1], int(sys.argv[2]))}
    print(orjson.dumps(found).decode())


def _done(name: str, deadly: int) -> int:
    one, steps = act(name), Steps(deadly)
    steps.watch()
    with clock.running_on(SteeredClock(one.at)):
        one.do()
    return steps.done


if __name__ == "__main__":
    main()
