"""`python -m benchmarks.living FOLDER [--weeks 6] [--recipients 3000]`: the whole loop, by the schedule, with no hand on it.

Every deployment of prefect.yaml runs when it is due, on a clock that is set forward half a day at a time (a deployment that was
due more than once in it runs once, as it would after an outage): send → the simulated Postmark → its webhooks → people who click and buy →
attribution → retraining → shadow → ramp → promotion; then the next candidate's forest is turned upside down as soon as it is served,
→ rollback. Prefect's own server has the runs and their artifacts; it goes on running, so that they can be looked at. FOLDER must be empty
or not be there. What happened is printed line by line, and as JSON at the end.
"""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.living.home import furnished
from simulator.esp.handle import SimulatedEsp


def main() -> int:
    """0 if one candidate was promoted and another rolled back."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.living", description="The whole loop, by the schedule.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weeks", type=int, default=6)
    parser.add_argument("--recipients", type=int, default=3_000)
    asked = parser.parse_args()
    with SimulatedEsp.start(keep="bodies", seed=1) as esp:
        os.environ.update(furnished(asked.folder.resolve(), esp))  # before anything of ours reads its settings
        from benchmarks.living.weeks import live

        happened = live(asked.folder.resolve(), esp, weeks=asked.weeks, recipients=asked.recipients)
    states = {line["state"] for line in happened if "state" in line}
    return 0 if {"promoted", "rolled_back"} <= states else 1


if __name__ == "__main__":
    sys.exit(main())
