SELECT o.order_id, o.amount * r.amount AS product
FROM raw.orders AS o ASOF LEFT JOIN raw.returns AS r ON o.order_id = r.order_id AND o.ordered_at >= r.returned_at

-- edges
-- order_id <- copied raw.orders: order_id
-- product <- derived raw.orders: amount
-- product <- derived raw.returns: amount
-- * <- filter raw.orders: order_id, ordered_at
-- * <- filter raw.returns: order_id, returned_at
