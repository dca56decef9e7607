SELECT store_id, max(COLUMNS('amount|discount') * 2) AS 'max_\0' FROM raw.orders GROUP BY store_id

-- edges
-- max_amount <- derived raw.orders: amount
-- max_discount <- derived raw.orders: discount
-- store_id <- copied raw.orders: store_id
-- * <- filter raw.orders: store_id
