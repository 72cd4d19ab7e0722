"""WHETHER: who is compared with whom, and what the comparison shows. Pure: hashes, counts and formulas."""
