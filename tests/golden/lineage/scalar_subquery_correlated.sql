-- A plain column of a scalar sub-query is a copy; what finds its row is part of the value too.
SELECT order_id, (SELECT name FROM raw.customers AS c WHERE c.customer_id = o.customer_id) AS customer FROM raw.orders AS o

-- edges
-- customer <- copied raw.customers: name
-- customer <- derived raw.customers: customer_id
-- customer <- derived raw.orders: customer_id
-- order_id <- copied raw.orders: order_id
