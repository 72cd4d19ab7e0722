"""Environments under var/ for packages that only a benchmark needs and that ours cannot hold, made once by venv and pip."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.own_process import ROOT

FOLDER = ROOT / "var" / "benchmarks"


@dataclass(frozen=True, slots=True)
class Environment:
    """The Python that has the package; None with the reason where it could not be installed."""

    python: Path | None
    note: str


def own_environment(name: str, requirements: Path, folder: Path = FOLDER) -> Environment:
    """Make the environment of this name, or take the one made before from the same requirements."""
    home = folder / name
    python, made_from = home / "bin" / "python", home / "made_from.txt"
    asked = f"{sys.version}\n{requirements.read_text()}"
    if made_from.exists() and made_from.read_text() == asked:
        return Environment(python, "in an environment of its own")
    shutil.rmtree(home, ignore_errors=True)
    try:
        for step in ([sys.executable, "-m", "venv", str(home)], [str(python), "-m", "pip", "install", "-r", str(requirements)]):
            subprocess.run(step, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        return Environment(None, f"not measured: it could not be installed here ({said[-1] if said else error})")
    made_from.write_text(asked)
    return Environment(python, "in an environment of its own")
