-- Without the word LATERAL.
SELECT o.order_id, x.net FROM raw.orders AS o, (SELECT o.amount - r.amount AS net FROM raw.returns AS r WHERE r.order_id = o.order_id) AS x

-- edges
-- net <- derived raw.orders: amount
-- net <- derived raw.returns: amount
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: order_id
-- * <- filter raw.returns: order_id
