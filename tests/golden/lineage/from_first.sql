-- FROM first, and a table of the model's own namespace without it.
FROM orders SELECT order_id, status

-- edges
-- order_id <- copied raw.orders: order_id
-- status <- copied raw.orders: status
