"""Benchmarks of what is learned: worlds with known truth, and randomised data."""
