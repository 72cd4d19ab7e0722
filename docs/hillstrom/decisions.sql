-- Each customer was drawn into one of three groups with equal chances: that is the propensity. A visit counts as a click.
SELECT 'h' || lpad(CAST(source_row AS VARCHAR), 5, '0') AS recipient_id,
       'hillstrom.hero' AS placement,
       CASE segment WHEN 'Mens E-Mail' THEN 'mens' WHEN 'Womens E-Mail' THEN 'womens' ELSE 'none' END AS variant,
       CASE segment WHEN 'Mens E-Mail' THEN 'mens' WHEN 'Womens E-Mail' THEN 'womens' ELSE 'none' END AS category,
       1.0 / 3 AS propensity,
       3 AS candidates,
       TIMESTAMPTZ '2008-03-20 12:00:00+00' AS decided_at,
       visit = 1 AS clicked,
       conversion = 1 AS converted,
       CAST(spend AS DOUBLE) AS revenue
FROM source
