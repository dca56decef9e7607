/* ---
description: Revenue per day, in euro
owner: finance
columns:
  sold_on: {type: date, checks: [not_null, unique]}
  revenue: {type: "decimal(18,2)", checks: [not_null]}
--- */
SELECT sold_on, count(*) AS sales, sum(amount)::DECIMAL(18, 2) AS revenue
FROM raw.sales
GROUP BY sold_on
