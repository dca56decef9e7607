-- The newest row of each customer: what ranks decides rows.
SELECT customer_id, amount
FROM raw.orders
QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at DESC) = 1

-- edges
-- amount <- copied raw.orders: amount
-- customer_id <- copied raw.orders: customer_id
-- * <- filter raw.orders: customer_id, ordered_at
