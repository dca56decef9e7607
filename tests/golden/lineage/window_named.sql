SELECT sum(amount) OVER w AS running, avg(discount) OVER (w ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) AS near
FROM raw.orders
WINDOW w AS (PARTITION BY store_id ORDER BY ordered_at)

-- edges
-- near <- derived raw.orders: discount, ordered_at, store_id
-- running <- derived raw.orders: amount, ordered_at, store_id
