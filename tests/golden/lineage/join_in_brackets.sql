SELECT o.order_id, c.name, s.city
FROM raw.orders AS o LEFT JOIN (raw.customers AS c JOIN raw.stores AS s ON c.country = s.country) ON o.store_id = s.store_id

-- edges
-- city <- copied raw.stores: city
-- name <- copied raw.customers: name
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.customers: country
-- * <- filter raw.orders: store_id
-- * <- filter raw.stores: country, store_id
