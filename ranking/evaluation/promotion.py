"""Whether a freshly trained model may decide from the next send on."""

from ranking.evaluation.evaluate import Evaluation
from ranking.model_card import ModelCard
from ranking.policies.judging import INCUMBENT, MODEL, tempered
from ranking.policies.verdicts import Comparison, Verdict
from ranking.too_little import TooLittleData

_WORST_ECE = 0.25  # of the observed rate


_PRIMARY = (tempered(MODEL), tempered(INCUMBENT))  # by the goal's value per letter, as they would be sent


def objections(card: ModelCard, beside: Evaluation | TooLittleData | None = None) -> tuple[str, ...]:
    """Reasons against making this model the incumbent; empty if there are none. What they rest on is held-out decisions.

    `beside`: the model and the incumbent on held-out decisions that neither has seen. "Cannot tell" is no objection.
    """
    primary = primary_comparison(beside)
    found = [primary.sentence.removesuffix(".")] if primary and primary.verdict is Verdict.WORSE else []
    if card.metrics.deviance_explained <= 0:
        found.append("on held-out decisions it explains no more than which variants are popular")
    if card.metrics.ece > _WORST_ECE * card.metrics.observed_rate:
        found.append(f"its rates are off by {card.metrics.ece:.4f} on average, where {card.metrics.observed_rate:.4f} was observed")
    return tuple(found)


def primary_comparison(beside: Evaluation | TooLittleData | None) -> Comparison | None:
    """The comparison of model and incumbent that counts; None where there is none."""
    if not isinstance(beside, Evaluation):
        return None
    return next((one for one in beside.total.comparisons if one.roles == _PRIMARY), None)


def comparison_note(beside: Evaluation | TooLittleData) -> str:
    """What the card says of the comparison with the incumbent."""
    if isinstance(beside, TooLittleData):
        return f"Not compared with the incumbent: {beside}."
    primary = primary_comparison(beside)
    return (
        f"Beside the incumbent on held-out decisions: {primary.sentence}"
        if primary
        else "Nothing held out to compare with the incumbent on."
    )
