SELECT o.order_id, c.name
FROM raw.orders AS o JOIN raw.customers AS c ON o.customer_id = c.customer_id AND c.since < o.ordered_at

-- edges
-- name <- copied raw.customers: name
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.customers: customer_id, since
-- * <- filter raw.orders: customer_id, ordered_at
