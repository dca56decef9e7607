SELECT v.code, o.order_id FROM raw.orders AS o JOIN (VALUES (1, 'a'), (2, 'b')) AS v (id, code) ON v.id = o.store_id

-- edges
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: store_id
