"""How fast, how large, and how much slower than it could be: one file per benchmark, listed in `registry.py`."""
