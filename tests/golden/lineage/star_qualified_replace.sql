SELECT r.* REPLACE (r.amount * 2 AS amount), o.status
FROM raw.returns AS r JOIN raw.orders AS o USING (order_id)

-- edges
-- amount <- derived raw.returns: amount
-- order_id <- copied raw.returns: order_id
-- reason <- copied raw.returns: reason
-- returned_at <- copied raw.returns: returned_at
-- status <- copied raw.orders: status
-- * <- filter raw.orders: order_id
-- * <- filter raw.returns: order_id
