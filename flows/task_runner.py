"""Where tasks run: threads of this process. A cluster puts `DaskTaskRunner` (prefect-dask) here, and nothing else changes.

Threads, because NumPy, Numba, LightGBM and DuckDB let go of the interpreter; see docs/adr for the measurement.
"""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from runtime.settings import load_settings

RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=load_settings().workers)
