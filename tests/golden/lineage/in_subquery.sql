SELECT order_id, status IN (SELECT reason FROM raw.returns WHERE amount > 5) AS odd
FROM raw.orders
WHERE (customer_id, store_id) NOT IN (SELECT customer_id, parent_id FROM raw.customers)

-- edges
-- odd <- derived raw.orders: status
-- odd <- derived raw.returns: amount, reason
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.customers: customer_id, parent_id
-- * <- filter raw.orders: customer_id, store_id
