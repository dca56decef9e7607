-- #1 is the first column of FROM.
SELECT #1 AS first, #2 + 1 AS more FROM raw.orders

-- edges
-- first <- copied raw.orders: order_id
-- more <- derived raw.orders: customer_id
