SELECT c.name, last.amount
FROM raw.customers AS c
LEFT JOIN LATERAL (
    SELECT amount FROM raw.orders AS o WHERE o.customer_id = c.customer_id ORDER BY ordered_at DESC LIMIT 1
) AS last ON true

-- edges
-- amount <- copied raw.orders: amount
-- name <- copied raw.customers: name
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id, ordered_at
