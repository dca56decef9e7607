/* ---
description: Days on which a store sold less than 60 % of what is usual for it on that weekday
owner: sales-analytics
columns:
  store_id: {type: int, checks: [not_null, {relationship: raw.stores.store_id}]}
  business_date: {type: date, checks: [not_null]}
  revenue_eur: {type: "decimal(18,2)", description: 0 on a day without any sale, checks: [not_null]}
  usual_eur:
    type: "decimal(18,2)"
    description: Median of the same weekday in the four weeks before
    checks: [not_null, {min: 0.01}]
  missing_eur: {type: "decimal(18,2)", description: What is missing to the median, checks: [not_null, {min: 0}]}
checks:
  - unique: [store_id, business_date]
  - expression: "missing_eur = usual_eur - revenue_eur"
tags: [daily]
--- */
-- A day without any sale has no row in daily_sales, and is the worst drop of all: so every day of the chain, for
-- every store, from its first sale on.
WITH days AS (
    SELECT DISTINCT business_date
    FROM marts.daily_sales
),

openings AS (
    SELECT store_id, min(business_date) AS first_sale_on
    FROM marts.daily_sales
    GROUP BY store_id
),

calendar AS (
    SELECT
        openings.store_id,
        days.business_date,
        CAST(coalesce(sales.revenue_eur, 0) AS DECIMAL(18, 2)) AS revenue_eur
    FROM openings
    JOIN days
        ON days.business_date >= openings.first_sale_on
    LEFT JOIN marts.daily_sales AS sales
        ON sales.store_id = openings.store_id
        AND sales.business_date = days.business_date
),

compared AS (
    SELECT
        store_id,
        business_date,
        revenue_eur,
        -- The lower of the two middle values where there is no single one: a value that occurred.
        quantile_disc(revenue_eur, 0.5) OVER four_before AS usual_eur,
        count(*) OVER four_before AS weeks_before
    FROM calendar
    WINDOW four_before AS (
        PARTITION BY store_id, isodow(business_date)
        ORDER BY business_date
        RANGE BETWEEN INTERVAL 28 DAY PRECEDING AND INTERVAL 1 DAY PRECEDING
    )
)

SELECT
    store_id,
    business_date,
    revenue_eur,
    usual_eur,
    CAST(usual_eur - revenue_eur AS DECIMAL(18, 2)) AS missing_eur
FROM compared
WHERE weeks_before >= 3
  AND usual_eur > 0
  AND revenue_eur * 10 < usual_eur * 6
