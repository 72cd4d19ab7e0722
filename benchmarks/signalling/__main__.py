"""`python -m benchmarks.signalling RECIPIENTS`: furnish the home that LETTERPRESS_HOME names, and say by what refresh."""

import sys
from datetime import timedelta

from benchmarks.signalling.shop import furnish
from runtime.clock import now
from runtime.house import shared_house

if __name__ == "__main__":
    house = shared_house()
    sys.stdout.write(furnish(house, int(sys.argv[1]), now() - timedelta(minutes=5)).send_id)
