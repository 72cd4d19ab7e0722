"""`letterpress simulate`."""

import json
from pathlib import Path

from typer.testing import CliRunner

from letterpress.main import app
from simulator.shop_files import DECISIONS, EVENTS, PURCHASES, RECIPIENTS, TRUTH


def test_shop(tmp_path: Path) -> None:
    """`simulate shop` writes the files and says what is in them; --json prints one document and nothing else."""
    arguments = ["simulate", "shop", "--out", str(tmp_path / "shop"), "--recipients", "200", "--weeks", "2", "--seed", "4"]
    answer = CliRunner().invoke(app, [*arguments, "--until", "2026-11-23", "--json"])
    assert answer.exit_code == 0
    said = json.loads(answer.stdout)
    assert (said["recipients"], said["until"]) == (200, "2026-11-23T00:00:00Z")
    assert said["decisions"] == 6 * said["letters"]
    assert {path.name for path in (tmp_path / "shop").iterdir()} == {RECIPIENTS, DECISIONS, EVENTS, PURCHASES, TRUTH}


def test_shop_of_nobody(tmp_path: Path) -> None:
    """Sizes below one are refused as the user's mistake."""
    answer = CliRunner().invoke(app, ["simulate", "shop", "--out", str(tmp_path / "shop"), "--recipients", "0"])
    assert getattr(answer.exception, "exit_code", None) == 2
