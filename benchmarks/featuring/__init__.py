"""The parts of the benchmark `features`: made history, and those who compute features from it."""
