"""What `benchmarks.interrupted` is made of."""
