-- Which rows meet depends on the order of both sides.
SELECT a.order_id, b.name
FROM (SELECT * FROM raw.orders ORDER BY amount) AS a POSITIONAL JOIN (SELECT * FROM raw.customers ORDER BY since) AS b

-- edges
-- name <- copied raw.customers: name
-- order_id <- copied raw.orders: order_id
-- * <- filter raw.customers: since
-- * <- filter raw.orders: amount
