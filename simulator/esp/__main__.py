"""`python -m simulator.esp`: the server of `letterpress simulate esp`, without the command line's own start-up."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from domain.errors import LetterpressError
from simulator.esp.book import Keep
from simulator.esp.server import Addresses, Options, run


def main() -> int:
    """Serve; print the addresses as one line of JSON. Exit codes as `letterpress` has them."""
    parser = argparse.ArgumentParser(prog="simulator.esp")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--smtp-port", type=int)
    parser.add_argument("--tls-port", type=int)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--faults", default="")
    parser.add_argument("--webhooks")
    parser.add_argument("--events", default="")
    parser.add_argument("--keep", type=Keep, choices=list(Keep), default=Keep.BODIES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tied", action="store_true", help="end with standard input")
    try:
        run(Options(**vars(parser.parse_args())), _say)
    except LetterpressError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _say(addresses: Addresses) -> None:
    sys.stdout.write(orjson.dumps(asdict(addresses)).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
