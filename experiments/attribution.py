"""Attribution: clicks that came back become outcomes of the decisions behind them.

A click on a link in a block is an outcome of the decision that put the block there, and of the decision for the subject
line, which the reader had to choose before they saw any block. The first click counts; later ones add nothing.
"""

import pandas as pd

from domain.event import OutcomeKind

OUTCOME_COLUMNS = ("decision_id", "recipient_id", "kind", "value", "currency", "occurred_at", "received_at", "source")


def attribute_clicks(clicks: pd.DataFrame, decisions: pd.DataFrame, subjects: frozenset[str]) -> pd.DataFrame:
    """Outcomes of one send: at most one click per decision, in the order of decision ids.

    `clicks`: decision_id, occurred_at, received_at (aware). `decisions`: decision_id, recipient_id, placement.
    `subjects`: the placements that are subject lines. Clicks that name no decision (on links of the frame) are no outcome.
    """
    named = clicks.merge(decisions[["decision_id", "recipient_id"]], on="decision_id")
    lines = decisions.loc[decisions["placement"].isin(list(subjects)), ["decision_id", "recipient_id"]]
    opened = named.drop(columns="decision_id").merge(lines, on="recipient_id")
    both = pd.concat([named, opened], ignore_index=True).sort_values(["decision_id", "occurred_at", "received_at"])
    first = both.drop_duplicates("decision_id")
    outcomes = first.assign(kind=OutcomeKind.CLICK.value, value=float("nan"), currency=None, source="letterpress")
    return outcomes[list(OUTCOME_COLUMNS)].reset_index(drop=True)
