/* ---
description: Paid orders per day
owner: shop-team
columns:
  ordered_on: {description: Day of the order, checks: [not_null, unique]}
  revenue: {type: "decimal(18,2)", description: In euro}
tags: [daily]
--- */
SELECT
    ordered_on,
    count(*) AS orders,
    CAST(sum(amount) AS DECIMAL(18, 2)) AS revenue
FROM staging.orders
WHERE status = 'paid'
GROUP BY ordered_on
