"""Train the forest that is scored. `python -m benchmarks.scorers.forest FOLDER VARIANTS ROWS` writes FOLDER/forest.txt."""

import sys
from pathlib import Path

import orjson

from benchmarks.scorers.made import train, variants
from ranking.scoring.trees import parse_forest


def main() -> None:
    """Print the forest's size as JSON."""
    folder, count, rows = sys.argv[1:]
    forest = train(variants(int(count)), int(rows))
    (Path(folder) / "forest.txt").write_text(forest)
    trees = parse_forest(forest)
    print(orjson.dumps({"trees": len(trees), "leaves": max(len(tree.leaves) for tree in trees)}).decode())


if __name__ == "__main__":
    main()
