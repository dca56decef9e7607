-- Every delivered line is a sale, a copy of one, or in quarantine: nothing is lost, nothing is counted twice.
WITH tally AS (
    SELECT
        (SELECT count(*) FROM raw.pos_csv)
            + (SELECT count(*) FROM raw.pos_jsonl)
            + (SELECT count(*) FROM raw.pos_parquet) AS delivered,
        (SELECT coalesce(sum(copies), 0) FROM staging.sales) AS good,
        (SELECT count(*) FROM staging.quarantine) AS quarantined
)

SELECT delivered, good, quarantined
FROM tally
WHERE delivered <> good + quarantined
