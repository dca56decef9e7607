(SELECT order_id FROM raw.orders ORDER BY amount LIMIT 1) UNION ALL (SELECT order_id FROM raw.returns ORDER BY returned_at LIMIT 1)

-- edges
-- order_id <- copied raw.orders: order_id
-- order_id <- copied raw.returns: order_id
-- * <- filter raw.orders: amount
-- * <- filter raw.returns: returned_at
