SELECT order_id, ordered_at AS moment FROM raw.orders
UNION ALL
SELECT order_id, returned_at FROM raw.returns
ORDER BY moment DESC LIMIT 5

-- edges
-- moment <- copied raw.orders: ordered_at
-- moment <- copied raw.returns: returned_at
-- order_id <- copied raw.orders: order_id
-- order_id <- copied raw.returns: order_id
-- * <- filter raw.orders: ordered_at
-- * <- filter raw.returns: returned_at
