"""The seed and the end of history that the simulator's tests share."""

from datetime import UTC, datetime

SEED = 1
UNTIL = datetime(2026, 11, 23, tzinfo=UTC)
