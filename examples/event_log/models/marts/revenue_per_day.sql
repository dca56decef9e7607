/* ---
description: Paid revenue per day and the city in which the customer lived then
owner: shop-data
columns:
  revenue: {type: "decimal(18,2)", checks: [{min: 0}]}
checks:
  - unique: [day, city]
--- */
SELECT
    e."at"::DATE AS day,
    coalesce(c.city, 'unknown') AS city,
    sum(e.amount)::DECIMAL(18, 2) AS revenue
FROM raw.events e
LEFT JOIN core.customers c
    ON c.customer_id = e.customer_id
    AND e."at" AT TIME ZONE 'UTC' >= c.valid_from
    AND (c.valid_to IS NULL OR e."at" AT TIME ZONE 'UTC' < c.valid_to)
WHERE e.state = 'paid'
GROUP BY ALL
