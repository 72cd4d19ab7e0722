"""How much memory scoring takes. `python -m benchmarks.scorers.memory FOLDER RECIPIENTS VARIANTS`

A process of its own makes the recipients' features, scores them by the product's function, keeps every score, and prints
the most memory it ever held: Python, its libraries, the features and the scores included.
"""

import sys
from pathlib import Path

import orjson

from benchmarks.machine import peak_mb
from benchmarks.scorers.made import NOW, audience, made, variants
from ranking.scoring.scorer import score

_MEGABYTE = 1024 * 1024


def main() -> None:
    """Print megabytes as JSON."""
    folder, recipients, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    shown = variants(count)
    model = made((folder / "forest.txt").read_text(), shown)
    frame = audience(model, recipients, seed=2)
    features_mb = (frame.recipient.nbytes + frame.cross.nbytes) / _MEGABYTE
    before = peak_mb()
    scores = score(model, frame, shown, NOW)
    told = {"peak_mb": peak_mb(), "before_mb": before, "features_mb": features_mb, "scores_mb": scores.nbytes / _MEGABYTE}
    print(orjson.dumps(told).decode())


if __name__ == "__main__":
    main()
