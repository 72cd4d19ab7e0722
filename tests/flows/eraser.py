"""Erases somebody and is killed: `python -m tests.flows.eraser HOME RECIPIENT STEP`, before that step is done, with SIGKILL."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows import erase_recipient as erasing
from runtime.house import open_house
from runtime.settings import Settings
from storage.erasure import Erasure
from storage.file_erasure import FileErasure
from storage.lake import Lake
from storage.lake_erasure import LakeErasure

STEPS: Mapping[str, tuple[Any, str, int]] = {  # where it is killed: at the n-th call
    "before the lake": (LakeErasure, "erase", 1),
    "in the midst of the lake": (Lake, "rewrite_file", 2),
    "before the letters": (erasing, "remove_letters", 1),
    "before the files": (FileErasure, "erase", 1),
    "before the database": (Erasure, "erase", 1),
    "before the pages are overwritten": (Erasure, "compact", 1),
}


def main() -> None:
    """Erase, and die on the way."""
    home, who, step = sys.argv[1:]
    place, name, call = STEPS[step]
    setattr(place, name, _deadly(getattr(place, name), call))
    house = open_house(Settings(home=Path(home), database_url="", write_keys=""))
    erasing.erase_recipient(house, who, do_not_mail=False, at=datetime(2026, 10, 5, 9, tzinfo=UTC))


def _deadly(true: Callable[..., Any], call: int) -> Callable[..., Any]:
    left = [call]

    def dying(*args: Any, **options: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return true(*args, **options)

    return dying


if __name__ == "__main__":
    main()
