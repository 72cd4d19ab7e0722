"""From history to a model with a card, or to what is missing for one."""
