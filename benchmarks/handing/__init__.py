"""Letters handed to a simulated ESP in several ways: what `benchmarks/handoff.py` compares."""
