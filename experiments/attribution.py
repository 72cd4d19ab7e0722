"""Attribution: what people did after a letter becomes outcomes of the decisions behind it.

A click on a link in a block is an outcome of the decision that put the block there, and of the decision for the subject line, which the
reader had to choose before they saw any block. The first click counts; later ones add nothing.

A purchase belongs to the last click before it, over all letters, if that is not longer ago than the letter's window; and so to the same
two decisions. Only where a campaign asks for it, a purchase without such a click belongs to the last letter that a person opened: to its
subject line, and to its topmost block of the category that was bought. Each purchase is an outcome of its own, in its own currency.

The order in which anything arrived changes nothing, and nor does arriving twice. What machines did must have been taken out before.
"""

from datetime import timedelta

import pandas as pd

from domain.event import OutcomeKind

OUTCOME_COLUMNS = ("decision_id", "recipient_id", "kind", "value", "currency", "occurred_at", "received_at", "source")
TOUCH_COLUMNS = ("event_id", "send_id", "recipient_id", "decision_id", "occurred_at", "received_at", "handed_off_at")


def attribute_clicks(clicks: pd.DataFrame, decisions: pd.DataFrame, subjects: frozenset[str]) -> pd.DataFrame:
    """Outcomes of one send: at most one click per decision, in the order of decision ids.

    `clicks`: decision_id, occurred_at, received_at (aware). `decisions`: decision_id, recipient_id, placement.
    `subjects`: the placements that are subject lines; who clicks a block on a page (`on_page`) has opened no letter for it. Clicks that
    name no decision (on links of the frame) are no outcome.
    """
    named = clicks[["decision_id", "occurred_at", "received_at"]].merge(decisions[["decision_id", "recipient_id"]], on="decision_id")
    lines = decisions.loc[decisions["placement"].isin(list(subjects)), ["decision_id", "recipient_id"]]
    opened = _in_letters(clicks)[["decision_id", "occurred_at", "received_at"]].merge(decisions[["decision_id", "recipient_id"]])
    opened = opened.drop(columns="decision_id").merge(lines, on="recipient_id")
    both = pd.concat([named, opened], ignore_index=True).sort_values(["decision_id", "occurred_at", "received_at"])
    first = both.drop_duplicates("decision_id")
    return _outcomes(first.assign(kind=OutcomeKind.CLICK.value, value=float("nan"), currency=None))


def in_time(touches: pd.DataFrame, window: timedelta) -> pd.DataFrame:
    """The touches within a window after the letter was handed off; those of letters of which that is not known are in time."""
    after = touches["occurred_at"] - touches["handed_off_at"]
    return touches[after.isna() | (after <= window)]


def last_touches(purchases: pd.DataFrame, touches: pd.DataFrame) -> pd.DataFrame:
    """Each purchase with the last touch by its recipient that it still falls into the window of; without one it is left out.

    `purchases`: purchase_id, recipient_id, category, amount, currency, occurred_at, received_at. `touches`: TOUCH_COLUMNS and `window`, of
    any number of sends. Columns of the touch that both have end in `_touch`. In the order of purchase ids; a purchase given twice is one.
    """
    pairs = purchases.drop_duplicates("purchase_id").merge(touches, on="recipient_id", suffixes=("", "_touch"))
    ago = pairs["occurred_at"] - pairs["occurred_at_touch"]
    fitting = pairs[(ago >= timedelta(0)) & (ago <= pairs["window"])]
    ordered = fitting.sort_values(["purchase_id", "occurred_at_touch", "event_id"])
    return ordered.drop_duplicates("purchase_id", keep="last").reset_index(drop=True)


def attribute_purchases(clicked: pd.DataFrame, viewed: pd.DataFrame, decisions: pd.DataFrame, subjects: frozenset[str]) -> pd.DataFrame:
    """Conversions of one send, in the order of decision and purchase ids.

    `clicked`, `viewed`: of all sends, what `last_touches` found by clicks and by opens; a click goes before any view. `decisions` of this
    send: decision_id, send_id, recipient_id, placement, position, category, in the order of the letter.
    """
    lines = decisions[decisions["placement"].isin(list(subjects))]
    blocks = decisions[~decisions["placement"].isin(list(subjects))]
    views = viewed[~viewed["purchase_id"].isin(clicked["purchase_id"])].drop(columns="decision_id")
    seen = views.merge(blocks.drop_duplicates(["send_id", "recipient_id", "category"]), on=["send_id", "recipient_id", "category"])
    letters = pd.concat([clicked.drop(columns="decision_id"), views], ignore_index=True)
    opened = _in_letters(letters).merge(lines.drop(columns="category"), on=["send_id", "recipient_id"])
    own = clicked[clicked["decision_id"].isin(decisions["decision_id"])]
    both = pd.concat([part[list(_CREDITED)] for part in (own, seen, opened)], ignore_index=True)
    known = both["received_at"].where(both["received_at"] >= both["received_at_touch"], both["received_at_touch"])  # of both
    ordered = both.assign(received_at=known).drop_duplicates(["decision_id", "purchase_id"]).sort_values(["decision_id", "purchase_id"])
    return _outcomes(ordered.assign(kind=OutcomeKind.CONVERSION.value, value=ordered["amount"]))


def _in_letters(touches: pd.DataFrame) -> pd.DataFrame:
    return touches[~touches["on_page"].astype(bool)] if "on_page" in touches else touches


_CREDITED = ("decision_id", "recipient_id", "purchase_id", "amount", "currency", "occurred_at", "received_at", "received_at_touch")


def settled(outcomes: pd.DataFrame, settle: timedelta) -> pd.DataFrame:
    """Outcomes as known so much later: until then more may come in that shows a machine. What learns by then learns of people."""
    return outcomes.assign(received_at=outcomes["received_at"] + settle)


def _outcomes(found: pd.DataFrame) -> pd.DataFrame:
    return found.assign(source="letterpress")[list(OUTCOME_COLUMNS)].reset_index(drop=True)
