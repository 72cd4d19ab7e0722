"""Sends that are killed and resumed while their ESP misbehaves: what `benchmarks/faults.py` counts."""
