/* ---
description: The rates and the days on which each one holds
owner: treasury
columns:
  currency: {type: string, checks: [not_null, {matches: '^[A-Z]{3}$'}]}
  valid_from: {type: date, description: The day of the rate, checks: [not_null]}
  valid_until: {type: date, description: The first day on which it no longer holds, checks: [not_null]}
  eur_per_unit: {type: "decimal(18,8)", checks: [not_null, {min: 0}]}
checks:
  - unique: [currency, valid_from]
  - expression: "valid_from < valid_until"
--- */
WITH usable AS (
    SELECT
        rate_date,
        currency,
        CAST(eur_per_unit AS DECIMAL(18, 8)) AS eur_per_unit,
        published_at
    FROM raw.fx_rates
    WHERE TRY_CAST(eur_per_unit AS DECIMAL(18, 8)) > 0
),

published AS (
    SELECT rate_date, currency, eur_per_unit
    FROM usable
    -- A rate that was published again for the same day corrects the first one.
    QUALIFY row_number() OVER (PARTITION BY currency, rate_date ORDER BY published_at DESC) = 1
)

SELECT
    currency,
    rate_date AS valid_from,
    -- No rates on weekends and holidays: the last one goes on, up to seven days after its own.
    CAST(
        least(
            coalesce(lead(rate_date) OVER (PARTITION BY currency ORDER BY rate_date), DATE '9999-12-31'),
            CAST(rate_date + INTERVAL 8 DAY AS DATE)
        ) AS DATE
    ) AS valid_until,
    eur_per_unit
FROM published
