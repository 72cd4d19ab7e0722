"""lleaves, in an environment that has it: `python lleaves_player.py FOLDER` compiles FOLDER/forest.txt and says so.

For every line on standard input it scores FOLDER/rows.npy on one thread and prints the processor seconds that took; its sums are in
FOLDER/lleaves.npy. No cache file: lleaves looks neither at the model nor at its own flags before it trusts one.
"""

import importlib
import sys
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Compile, score once to warm up, then on demand."""
    folder = Path(sys.argv[1])
    model = importlib.import_module("lleaves").Model(model_file=str(folder / "forest.txt"))
    model.compile(cache=None, raw_score=True)
    rows = np.load(folder / "rows.npy")
    np.save(folder / "lleaves.npy", model.predict(rows, n_jobs=1))
    print("compiled", flush=True)
    for _ in sys.stdin:
        began = time.process_time()
        model.predict(rows, n_jobs=1)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main()
