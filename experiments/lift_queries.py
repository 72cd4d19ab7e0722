"""The questions a lift report asks, in DuckDB's SQL. `opened` gives the tables; those made here know recipients by number.

Purchases are all that a recipient made, not only those a click was credited with: people buy without clicking, too.
"""

PREPARED = (
    "CREATE MACRO since() AS getvariable('since')",
    "CREATE MACRO until() AS getvariable('until')",
    "CREATE MACRO week_of(instant) AS floor(epoch(instant - since()) / (7 * 86400))::INT",
    # Numbers in place of ids: a fifth of the memory.
    """
    CREATE TEMP TABLE people AS
    SELECT recipient_id, (row_number() OVER ())::INT AS unit
    FROM (SELECT DISTINCT recipient_id FROM assigned JOIN mailings USING (number) WHERE sent_at < until())
    """,
    """
    CREATE TEMP TABLE drawn AS
    SELECT unit, number::SMALLINT AS number, arm FROM assigned JOIN mailings USING (number) JOIN people USING (recipient_id)
    WHERE sent_at < until()
    """,
    """
    CREATE TEMP TABLE units AS
    SELECT unit, held, first_at, greatest(0, week_of(first_at)) AS week
    FROM (SELECT unit, min(sent_at) AS first_at, bool_and(arm = 'holdout') AS held, bool_or(arm = 'holdout') AS ever
          FROM drawn JOIN mailings USING (number) GROUP BY unit)
    WHERE held = ever
    """,
    """
    CREATE TEMP TABLE bought AS
    SELECT unit, coalesce(currency, '') AS currency, amount::DOUBLE AS amount, occurred_at
    FROM purchases JOIN people USING (recipient_id) JOIN units USING (unit)
    WHERE occurred_at >= first_at - to_days(91)
    """,
    """
    CREATE TEMP TABLE clicks AS
    SELECT unit, number, min(occurred_at) AS occurred_at FROM clicked JOIN people USING (recipient_id) JOIN units USING (unit)
    GROUP BY unit, number
    """,
    """
    CREATE TEMP TABLE harms AS
    SELECT unit, number, kind, min(occurred_at) AS occurred_at
    FROM setbacks JOIN mailings USING (send_id) JOIN people USING (recipient_id) JOIN units USING (unit) GROUP BY unit, number, kind
    """,
    """
    CREATE TEMP TABLE before AS
    WITH past AS (SELECT unit, currency, amount FROM bought JOIN units USING (unit) WHERE occurred_at < first_at)
    SELECT 'revenue' AS measure, currency, unit, sum(amount) AS x FROM past GROUP BY currency, unit
    UNION ALL SELECT DISTINCT 'bought', '', unit, 1.0 FROM past WHERE amount > 0
    """,
)

STRAYS = "SELECT (SELECT count(*) FROM people) - (SELECT count(*) FROM units)"

FACTS = """
CREATE TEMP TABLE facts AS
WITH spent AS (SELECT unit, currency, amount, week_of(occurred_at) AS week FROM bought JOIN units USING (unit)
               WHERE occurred_at >= greatest(first_at, since()) AND occurred_at < until())
SELECT 'revenue' AS measure, currency, unit, week, sum(amount) AS y FROM spent GROUP BY ALL
UNION ALL SELECT 'bought', '', unit, min(week), 1.0 FROM spent WHERE amount > 0 GROUP BY unit
UNION ALL SELECT 'clicked', '', unit, min(week_of(occurred_at)), 1.0 FROM clicks
          WHERE occurred_at >= since() AND occurred_at < until() GROUP BY unit
UNION ALL SELECT kind, '', unit, min(week_of(occurred_at)), 1.0 FROM harms
          WHERE occurred_at >= since() AND occurred_at < until() GROUP BY kind, unit
"""

INCREMENTS = """
WITH running AS (SELECT *, sum(y) OVER (PARTITION BY measure, currency, unit ORDER BY week) AS whole FROM facts)
SELECT f.measure, f.currency, u.held, f.week, sum(y) AS y, sum(whole ** 2 - (whole - y) ** 2) AS yy, sum(y * coalesce(b.x, 0)) AS yx
FROM running f JOIN units u USING (unit)
LEFT JOIN before b ON b.measure = f.measure AND b.currency = f.currency AND b.unit = f.unit
GROUP BY f.measure, f.currency, u.held, f.week
"""

ENTRIES = "SELECT held, week, count(*) AS n FROM units GROUP BY ALL"

PAST = "SELECT measure, currency, held, week, sum(x) AS x, sum(x * x) AS xx FROM before JOIN units USING (unit) GROUP BY ALL"

LETTERS = """
WITH opened_letters AS (SELECT unit, count(*) AS y FROM clicks JOIN mailings USING (number)
                        WHERE sent_at >= since() AND occurred_at >= since() AND occurred_at < until() GROUP BY unit),
letters AS (SELECT unit, count(*) AS d FROM drawn JOIN mailings USING (number) WHERE sent_at >= since() GROUP BY unit)
SELECT held, count(*) AS n, sum(coalesce(y, 0)) AS y, sum(coalesce(d, 0)) AS d, sum(coalesce(y, 0) ** 2) AS yy,
       sum(coalesce(y, 0) * coalesce(d, 0)) AS yd, sum(coalesce(d, 0) ** 2) AS dd
FROM units LEFT JOIN letters USING (unit) LEFT JOIN opened_letters USING (unit) GROUP BY held
"""

COHORTS = """
WITH spent AS (SELECT unit, currency, sum(amount) AS y FROM bought JOIN units USING (unit)
               WHERE occurred_at >= first_at AND occurred_at < first_at + to_days(90) GROUP BY unit, currency),
sizes AS (SELECT date_trunc('week', first_at) AS cohort, held, max(first_at) AS last_at, count(*) AS n FROM units GROUP BY ALL),
pairs AS (SELECT unit, currency, coalesce(s.y, 0) AS y, coalesce(b.x, 0) AS x
          FROM spent s FULL JOIN (SELECT unit, currency, x FROM before WHERE measure = 'revenue') b USING (unit, currency)),
sums AS (SELECT date_trunc('week', first_at) AS cohort, held, currency, sum(y) AS y, sum(x) AS x, sum(y * y) AS yy, sum(y * x) AS yx,
                sum(x * x) AS xx FROM pairs JOIN units USING (unit) GROUP BY ALL)
SELECT z.cohort, z.held, z.last_at, z.n, c.currency, coalesce(y, 0) AS y, coalesce(x, 0) AS x, coalesce(yy, 0) AS yy, coalesce(yx, 0) AS yx,
       coalesce(xx, 0) AS xx
FROM sizes z CROSS JOIN (SELECT DISTINCT currency FROM spent) c
LEFT JOIN sums s ON s.cohort = z.cohort AND s.held = z.held AND s.currency = c.currency
"""

SIZES = """
SELECT send_id, arm, count(*) AS n FROM drawn JOIN mailings USING (number) WHERE sent_at >= since() GROUP BY send_id, arm
"""

SENDS = """
WITH recent AS (SELECT unit, number, arm FROM drawn JOIN mailings USING (number) WHERE sent_at >= since()),
spent AS (SELECT r.number, r.arm, r.unit, b.currency, sum(b.amount) AS y, bool_or(b.amount > 0) AS bought
          FROM (SELECT b.*, m.number FROM bought b JOIN mailings m ON b.occurred_at >= m.sent_at AND b.occurred_at < m.counts_until
                WHERE m.sent_at >= since()) b
          JOIN recent r ON r.unit = b.unit AND r.number = b.number GROUP BY r.number, r.arm, r.unit, b.currency),
acts AS (
  SELECT number, arm, 'revenue' AS measure, currency, sum(y) AS y, sum(y * y) AS yy FROM spent GROUP BY number, arm, currency
  UNION ALL SELECT number, arm, 'bought', '', count(DISTINCT unit), count(DISTINCT unit) FROM spent WHERE bought GROUP BY number, arm
  UNION ALL SELECT number, arm, 'clicked', '', count(*), count(*) FROM recent JOIN clicks USING (unit, number) GROUP BY number, arm
  UNION ALL SELECT number, arm, kind, '', count(*), count(*) FROM recent JOIN harms USING (unit, number) GROUP BY number, arm, kind),
sizes AS (SELECT number, arm, count(*) AS n FROM recent GROUP BY number, arm),
kinds AS (SELECT DISTINCT measure, currency FROM acts)
SELECT m.send_id, s.arm, k.measure, k.currency, s.n, coalesce(a.y, 0) AS y, coalesce(a.yy, 0) AS yy
FROM sizes s JOIN mailings m USING (number) CROSS JOIN kinds k
LEFT JOIN acts a ON a.number = s.number AND a.arm = s.arm AND a.measure = k.measure AND a.currency = k.currency
"""
