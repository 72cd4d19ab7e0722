"""A simulated year of weekly letters for the `loop` benchmark."""
