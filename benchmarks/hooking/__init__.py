"""Telling the running server a million events, and killing it meanwhile."""
