/* ---
description: What each customer has brought so far, also those who never ordered
tags: [crm]
columns:
  customer_id: {checks: [not_null, unique, {relationship: raw.customer.c_custkey}]}
  orders: {checks: [not_null]}
  net_revenue: {type: "decimal(18,4)", checks: [not_null]}
  last_order_on: {description: NULL for who never ordered}
  rank_in_segment: {description: 1 for the highest net revenue of the market segment, checks: [{min: 1}]}
--- */
WITH bought AS (
    SELECT
        customer_id,
        count(DISTINCT order_id) AS orders,
        sum(net_revenue) AS net_revenue,
        max(ordered_on) AS last_order_on
    FROM core.sales
    GROUP BY customer_id
)

SELECT
    c_custkey AS customer_id,
    c_name AS name,
    c_mktsegment AS segment,
    coalesce(bought.orders, 0) AS orders,
    CAST(coalesce(bought.net_revenue, 0) AS DECIMAL(18, 4)) AS net_revenue,
    bought.last_order_on,
    rank() OVER (PARTITION BY c_mktsegment ORDER BY coalesce(bought.net_revenue, 0) DESC) AS rank_in_segment
FROM customer
LEFT JOIN bought ON bought.customer_id = c_custkey
