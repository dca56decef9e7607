-- A CTE named after the table it reads, and one inside another of the same name.
WITH orders AS (
    WITH orders AS (SELECT order_id, amount FROM orders)
    SELECT order_id, amount * 2 AS amount FROM orders
)
SELECT * FROM orders

-- edges
-- amount <- derived raw.orders: amount
-- order_id <- copied raw.orders: order_id
