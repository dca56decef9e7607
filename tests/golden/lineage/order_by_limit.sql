SELECT order_id FROM raw.orders ORDER BY amount DESC, discount LIMIT 10 OFFSET 5

-- edges
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: amount, discount
