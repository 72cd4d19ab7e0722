"""Compliance: what a send is checked for before it is opened, and what stops it (`docs/compliance.md`)."""
