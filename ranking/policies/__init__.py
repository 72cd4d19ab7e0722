"""Drawing by a policy with known probabilities, and what another one would have earned: estimators, targets, verdicts."""
