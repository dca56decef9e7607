/* ---
description: Orders, revenue and profit per country and month
tags: [finance]
columns:
  month: {type: date, description: Its first day, checks: [not_null]}
  orders: {checks: [{min: 1}]}
  net_revenue: {type: "decimal(18,4)"}
  profit: {type: "decimal(18,4)", description: Net revenue less what the parts cost at their supplier}
checks:
  - unique: [country, month]
--- */
SELECT
    country,
    CAST(date_trunc('month', ordered_on) AS DATE) AS month,
    count(DISTINCT order_id) AS orders,
    CAST(sum(net_revenue) AS DECIMAL(18, 4)) AS net_revenue,
    CAST(sum(net_revenue - supply_cost) AS DECIMAL(18, 4)) AS profit
FROM core.sales
GROUP BY country, month
