-- EXISTS looks at no values, only at what finds rows.
SELECT name FROM raw.customers AS c
WHERE EXISTS (SELECT r.amount FROM raw.returns AS r JOIN raw.orders AS o USING (order_id) WHERE o.customer_id = c.customer_id)

-- edges
-- name <- copied raw.customers: name
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id, order_id
-- * <- filter raw.returns: order_id
