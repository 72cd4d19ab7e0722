"""What the benchmark `rate` runs in processes of its own."""
