"""The whole loop with no hand on it: weeks of a simulated shop, by the schedule of prefect.yaml."""
