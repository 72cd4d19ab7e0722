"""Layouts of the decision store, each filled in a process of its own for `benchmarks/keys.py`."""
