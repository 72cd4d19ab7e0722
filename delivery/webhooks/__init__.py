"""What ESPs tell afterwards: whether a post is theirs, and what it says. Pure: no clock, no network, no database.

Every provider is one file with a table of its words, a `verify` over the raw bytes, and an `understand` that never raises.
"""
