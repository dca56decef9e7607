/* ---
description: Orders, typed
owner: shop-team
columns:
  order_id: {type: long, description: Order number, checks: [not_null, unique]}
  customer_id: {type: long, checks: [{relationship: {to: staging.customers, column: customer_id}}]}
  amount: {type: "decimal(18,2)", description: In euro, checks: [{min: 0}]}
  status: {checks: [{accepted: [paid, cancelled, refunded]}]}
--- */
SELECT
    order_id,
    customer_id,
    ordered_at,
    CAST(ordered_at AS DATE) AS ordered_on,
    CAST(amount AS DECIMAL(18, 2)) AS amount,
    status
FROM read_csv('data/orders.csv')
