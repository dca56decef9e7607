/* ---
description: The latest state of each order
owner: shop-data
materialized: merge
unique_key: order_id
columns:
  order_id: {type: int, checks: [not_null, unique]}
  amount: {type: "decimal(10,2)", checks: [{min: 0}]}
--- */
-- events come late: an old one must not replace what is known already, so each is held against all others
SELECT
    e.order_id,
    e.customer_id,
    e.state,
    e.amount,
    e."at" AS changed_at
FROM raw.events e
ANTI JOIN raw.events later
    ON later.order_id = e.order_id
    AND (later."at" > e."at" OR (later."at" = e."at" AND later.event_id > e.event_id))
