SELECT DISTINCT ON (customer_id) customer_id, amount FROM raw.orders ORDER BY customer_id, ordered_at DESC

-- edges
-- amount <- copied raw.orders: amount
-- customer_id <- copied raw.orders: customer_id
-- * <- filter raw.orders: customer_id, ordered_at
