"""Foresee what a campaign's holdout will show, from what recipients did lately."""

from datetime import timedelta

import duckdb

from domain.campaign import Campaign
from experiments.foresight import Foresight, Past, foresee
from experiments.lift_sums import Measure
from experiments.power import Outcome
from storage.lake import Lake

_WEEKS = 8
_CLICKED = """
WITH latest AS (SELECT max(decided_at) AS last_at FROM decisions)
SELECT count(DISTINCT d.recipient_id), count(DISTINCT o.recipient_id)
FROM decisions d LEFT JOIN (SELECT DISTINCT decision_id, recipient_id FROM outcomes WHERE kind = 'click') o USING (decision_id)
WHERE d.decided_at > (SELECT last_at FROM latest) - to_days($days)
"""
_SPENT = """
WITH latest AS (SELECT max(occurred_at) AS last_at FROM purchases),
spent AS (SELECT recipient_id, currency, sum(amount) AS y FROM purchases WHERE occurred_at > (SELECT last_at FROM latest) - to_days($days)
          GROUP BY recipient_id, currency)
SELECT sum(y), sum(y * y), count(*) FILTER (y > 0) FROM spent GROUP BY currency ORDER BY count(*) DESC LIMIT 1
"""


def foreseen(lake: Lake, recipients: int, campaign: Campaign) -> Foresight:
    """From the last weeks of the log, imported history included, in the currency that most people buy in."""
    return foresee(campaign.holdout, Past(recipients, _WEEKS, _outcomes(lake, recipients, campaign)))


def _outcomes(lake: Lake, recipients: int, campaign: Campaign) -> dict[Measure, Outcome]:
    days, found = {"days": timedelta(weeks=_WEEKS).days}, dict[Measure, Outcome]()
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        for table in ("decisions", "outcomes", "purchases"):
            connection.register(table, lake.dataset(table))
        written_to, clicked = connection.execute(_CLICKED, days).fetchone() or (0, 0)
        spent = connection.execute(_SPENT, days).fetchone()
    if written_to and campaign.holdout.gets_letters:
        found[Measure.CLICKED] = Outcome.of_rate(clicked / written_to)
    if spent and recipients:
        total, squares, buyers = spent
        mean = total / recipients
        found[Measure.BOUGHT] = Outcome.of_rate(min(buyers / recipients, 1.0))
        found[Measure.REVENUE] = Outcome(mean, max(squares / recipients - mean**2, 0.0) ** 0.5)
    return found
