SELECT order_id, generate_subscripts(tags, 1) AS n FROM raw.orders

-- edges
-- n <- derived raw.orders: tags
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.orders: tags
