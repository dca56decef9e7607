/* ---
description: What each customer has paid
owner: shop-team
columns:
  customer_id: {checks: [not_null, unique]}
  revenue: {type: "decimal(18,2)", description: In euro, checks: [not_null]}
--- */
SELECT
    customers.customer_id,
    customers.name,
    count(orders.order_id) AS orders,
    CAST(coalesce(sum(orders.amount), 0) AS DECIMAL(18, 2)) AS revenue
FROM staging.customers
LEFT JOIN staging.orders
    ON orders.customer_id = customers.customer_id
    AND orders.status = 'paid'
GROUP BY customers.customer_id, customers.name
