"""What `benchmarks/scoring.py` measures: a forest, recipients and variants of set sizes, and what scores them."""
