-- An order without a LIMIT changes no rows.
SELECT order_id FROM raw.orders ORDER BY amount

-- edges
-- order_id <- copied raw.orders: order_id
