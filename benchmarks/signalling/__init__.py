"""A shop whose visitors say what they want, and what becomes of it."""
