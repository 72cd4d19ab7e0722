"""From scores to one variant per position: candidates, constraints, the policy and its propensities."""
