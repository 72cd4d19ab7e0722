"""Whether a freshly trained model may decide from the next send on."""

from ranking.model_card import ModelCard

_WORST_ECE = 0.25  # of the observed rate


def objections(card: ModelCard) -> tuple[str, ...]:
    """Reasons against making this model the incumbent; empty if there are none. What they rest on is held-out decisions."""
    found = []
    if card.metrics.deviance_explained <= 0:
        found.append("on held-out decisions it explains no more than which variants are popular")
    if card.metrics.ece > _WORST_ECE * card.metrics.observed_rate:
        found.append(f"its rates are off by {card.metrics.ece:.4f} on average, where {card.metrics.observed_rate:.4f} was observed")
    return tuple(found)
