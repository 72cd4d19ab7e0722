"""An environment for lleaves under var/, made once from lleaves.txt by venv and pip."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.own_process import ROOT

REQUIREMENTS = ROOT / "benchmarks" / "scorers" / "lleaves.txt"
FOLDER = ROOT / "var" / "benchmarks" / "lleaves"


@dataclass(frozen=True, slots=True)
class Environment:
    """The Python that has lleaves; None with the reason where it could not be installed."""

    python: Path | None
    note: str


def lleaves_environment(folder: Path = FOLDER, requirements: Path = REQUIREMENTS) -> Environment:
    """Make it, or take the one made before from the same requirements."""
    python, made_from = folder / "bin" / "python", folder / "made_from.txt"
    asked = f"{sys.version}\n{requirements.read_text()}"
    if made_from.exists() and made_from.read_text() == asked:
        return Environment(python, "in an environment of its own")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        for step in ([sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "-r", str(requirements)]):
            subprocess.run(step, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        return Environment(None, f"not measured: it could not be installed here ({said[-1] if said else error})")
    made_from.write_text(asked)
    return Environment(python, "in an environment of its own")
