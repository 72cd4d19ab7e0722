-- The customers have no id and no address in the file: their row in it (source_row) makes both. The domain is reserved for examples.
SELECT 'h' || lpad(CAST(source_row AS VARCHAR), 5, '0') AS recipient_id,
       'h' || lpad(CAST(source_row AS VARCHAR), 5, '0') || '@customers.example' AS address,
       true AS consent,
       recency, history_segment, history, mens, womens, zip_code, newbie, channel
FROM source
