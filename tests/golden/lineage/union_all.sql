-- By position; names are the first query's.
SELECT order_id AS id, amount FROM raw.orders WHERE status = 'paid'
UNION ALL
SELECT order_id, -amount FROM raw.returns

-- edges
-- amount <- copied raw.orders: amount
-- amount <- derived raw.returns: amount
-- id <- copied raw.orders: order_id
-- id <- copied raw.returns: order_id
-- * <- filter raw.orders: status
