SELECT name FROM raw.customers ORDER BY since LIMIT (SELECT max(store_id) FROM raw.stores)

-- edges
-- name <- copied raw.customers: name
-- * <- filter raw.customers: since
-- * <- filter raw.stores: store_id
