SELECT order_id FROM (SELECT * FROM raw.orders ORDER BY amount) LIMIT 10

-- edges
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: amount
