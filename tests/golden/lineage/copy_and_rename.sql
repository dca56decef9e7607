-- A column as it is, under its own name and under another; a constant has no edge.
SELECT order_id, amount AS total, 'web' AS channel
FROM raw.orders

-- edges
-- order_id <- copied raw.orders: order_id
-- total <- copied raw.orders: amount
