"""Settings, wiring, logs, embedded services. The only reader of the environment."""
