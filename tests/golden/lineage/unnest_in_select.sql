-- How long a list is decides how many rows there are.
SELECT order_id, unnest(tags) AS tag, unnest(lines, recursive := true) FROM raw.orders

-- edges
-- order_id <- copied raw.orders: order_id
-- quantity <- derived raw.orders: lines
-- sku <- derived raw.orders: lines
-- tag <- derived raw.orders: tags
-- * <- filter raw.orders: lines, tags
