"""Data that others published: beside the repository, in `../shared/data`, and never part of it."""

import os
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).resolve().parents[2] / "shared" / "data"

# Under CI=true the data have to be there: a check that quietly skips is none.
needs_published_data = pytest.mark.skipif(
    not PUBLISHED.is_dir() and os.environ.get("CI") != "true", reason=f"the published data are not in {PUBLISHED}"
)
