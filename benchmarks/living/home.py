"""The house that lives: a home with the starter campaign, told to roll new models out quickly, at the simulated Postmark."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.own_process import ROOT, environment
from domain.errors import InputError
from simulator.esp.handle import SimulatedEsp

# A small shop with a weekly letter: stages and margin as docs/rollouts.md advises for small lists.
_QUICKLY = """
attribution: {click_days: 2}
rollout: {stages: [0.4, 1], stage_days: 0, looks: 1, planned_sends: 2, margin: 0.5, shadow_hours: 24, shadow_share: 0.5, watch_hours: 48}
variant_health: {days: 28}
"""


def furnished(folder: Path, esp: SimulatedEsp) -> Mapping[str, str]:
    """Make the home; returns the environment to live in. InputError if the folder is not empty."""
    if folder.exists() and any(folder.iterdir()):
        raise InputError("the folder is not empty", where=str(folder))
    shutil.copytree(ROOT / "templates", folder / "templates")
    written = folder / "templates" / "weekly" / "campaign.yaml"
    written.write_text(written.read_text() + _QUICKLY)
    keys = esp.keys()
    settings = {
        "HOME": str(folder),
        "ESP": f"postmark://:TOKEN@{esp.host}",
        "WEBHOOKS": f"postmark=postmark:{keys['basic_user']}:{keys['basic_password']}",
        "LABELS_CLOSE_DAYS": "0",
        "SHARD_SIZE": "1000",
    }
    return environment(settings)
