-- What NOT LIKE leaves.
SELECT o.* NOT LIKE '%s%' FROM raw.orders AS o

-- edges
-- amount <- copied raw.orders: amount
-- order_id <- copied raw.orders: order_id
-- ordered_at <- copied raw.orders: ordered_at
