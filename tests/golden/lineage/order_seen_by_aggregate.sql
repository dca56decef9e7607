-- The order of a sub-query shows in a list, not in a sum.
SELECT list(order_id) AS ids, sum(amount) AS total
FROM (SELECT * FROM raw.orders ORDER BY ordered_at)

-- edges
-- ids <- derived raw.orders: order_id, ordered_at
-- total <- derived raw.orders: amount
