SELECT customer_id, rank() OVER (ORDER BY amount) AS r FROM raw.orders QUALIFY r <= 10

-- edges
-- customer_id <- copied raw.orders: customer_id
-- r <- derived raw.orders: amount
-- * <- filter raw.orders: amount
