"""Selection: who is in a send's audience, and the one reason why each of the others is kept out."""

from collections.abc import Collection, Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from audience.addresses import valid
from audience.caps import capped
from audience.expressions import Expression, evaluate
from audience.quiet_hours import in_quiet_hours
from domain.campaign import Campaign
from domain.ids import RecipientId
from domain.message import Exclusion

_NOBODY: Mapping[str, Exclusion] = {}
AUDIENCE_COLUMNS = ("recipient_id", "bucket", "exclusion", "arm", "address", "time_zone", "locale", "created_at", "attributes")


def select(
    candidates: pd.DataFrame,
    *,
    expression: Expression,
    suppressed: Collection[str],
    spared: Mapping[str, Exclusion] = _NOBODY,
    handed_off_recently: pd.DataFrame,
    already_sent: Collection[RecipientId],
    campaign: Campaign,
    as_of: datetime,
) -> pd.DataFrame:
    """The candidates for whom the expression holds, each with its exclusion (missing: admitted); `arm` is still empty.

    `candidates`: expanded recipients. `suppressed`: normalised addresses, at least those among the candidates.
    `spared`: who of them opted out of the campaign's topic or has paused, also by normalised address.
    `handed_off_recently`: recipient_id, answered_at, at least since `caps.earliest_window`. `already_sent`: who may not get
    this campaign again (`once`) or was reached by this very send. The frame keeps the candidates' order and index.
    """
    holds = evaluate([expression], candidates, as_of)[:, 0]
    matched = candidates[holds]
    spares = matched["address_normalised"].map(spared)
    reasons = {
        Exclusion.SUPPRESSED: matched["address_normalised"].isin(suppressed),
        Exclusion.OPTED_OUT: spares == Exclusion.OPTED_OUT,
        Exclusion.PAUSED: spares == Exclusion.PAUSED,
        Exclusion.NO_CONSENT: ~matched["consent"].fillna(value=False).astype(bool),
        Exclusion.INVALID_ADDRESS: ~valid(matched["address"]),
        Exclusion.ALREADY_SENT: matched["recipient_id"].isin(already_sent),
        Exclusion.CAPPED: capped(matched["recipient_id"], handed_off_recently, campaign.caps, as_of),
        Exclusion.QUIET_HOURS: in_quiet_hours(matched["time_zone"], campaign.quiet_hours, as_of),
    }
    audience = matched.assign(exclusion=_first_reason(reasons, matched.index), arm=_missing(matched.index))
    return audience[list(AUDIENCE_COLUMNS)]


def _first_reason(reasons: dict[Exclusion, "pd.Series[bool]"], index: pd.Index) -> "pd.Series[str]":
    """The reason of highest precedence (the order of Exclusion) per recipient; missing where none applies."""
    ordered = [reason for reason in Exclusion if reason in reasons]
    codes = np.full(len(index), -1, dtype=np.int8)
    for code, reason in reversed(list(enumerate(ordered))):
        codes[reasons[reason].to_numpy()] = code
    categories = pd.Index([str(reason) for reason in ordered])
    return pd.Series(pd.Categorical.from_codes(codes, categories), index=index).astype("str")


def _missing(index: pd.Index) -> "pd.Series[str]":
    return pd.Series(np.nan, index=index).astype("str")
