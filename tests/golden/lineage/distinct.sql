SELECT DISTINCT status, store_id FROM raw.orders

-- edges
-- status <- copied raw.orders: status
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: status, store_id
