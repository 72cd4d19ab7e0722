"""A world with known truth: a small shop, its recipients and their tastes, its past mail, and readers of new mail.

Everything follows from a seed. Nothing here is used outside demonstrations, tests and benchmarks.
"""
