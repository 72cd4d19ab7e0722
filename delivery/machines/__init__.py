"""Telling machines from people by what they did, with reasons (FACTS §9). Pure: the same log gives the same verdicts."""
