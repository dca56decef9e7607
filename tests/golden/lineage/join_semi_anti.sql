SELECT o.order_id
FROM raw.orders AS o SEMI JOIN raw.customers AS c USING (customer_id) ANTI JOIN raw.returns AS r ON r.order_id = o.order_id

-- edges
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id, order_id
-- * <- filter raw.returns: order_id
