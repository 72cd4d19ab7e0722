"""When: Prefect flows and their tasks. A file is a verb; a task loads, calls pure code and saves."""
