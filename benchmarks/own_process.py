"""Work in a process of its own: neither memory nor caches of one measurement reach the next."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[1]
_OTHERS = ("LETTERPRESS_", "PREFECT_")
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "OMP_WAIT_POLICY": "passive",  # else LightGBM's threads spin while they wait: on busy cores it trains 3 to 4 times as long
}


class FailedMeasurementError(Exception):
    """A process that was to measure something ended without figures."""


def run_module(module: str, *arguments: object, settings: Mapping[str, str]) -> dict[str, Any]:
    """Run `python -m module arguments` under these LETTERPRESS_* settings and no others; returns the JSON object that it printed last.

    FailedMeasurementError with the end of what it said, if it fails.
    """
    done = subprocess.run(command(module, *arguments), env=environment(settings), cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedMeasurementError(f"{module} failed:\n{done.stderr[-2_000:]}")
    found: dict[str, Any] = orjson.loads(done.stdout.strip().splitlines()[-1])
    return found


def command(module: str, *arguments: object) -> list[str]:
    """This Python, running a module."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings instead of its own; nothing is told to anybody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    return kept | _QUIET | {f"LETTERPRESS_{name}": value for name, value in settings.items()}
