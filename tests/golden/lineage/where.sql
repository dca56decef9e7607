-- A condition decides rows, no values.
SELECT order_id
FROM raw.orders
WHERE status = 'paid' AND amount > 0

-- edges
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: amount, status
