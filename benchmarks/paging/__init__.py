"""What `benchmarks/placements.py` runs in processes of their own: servers, load, a store being filled, and Feast."""
