"""Bring your own data: recipients into the database, decisions, events and purchases into the lake. Start at `run.py`."""
