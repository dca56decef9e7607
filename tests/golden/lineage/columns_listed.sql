-- COLUMNS of a list of names, and of a pattern within an expression.
SELECT COLUMNS(['status', 'discount']), max(COLUMNS('order.*')) FROM raw.orders GROUP BY ALL

-- edges
-- discount <- copied raw.orders: discount
-- order_id <- derived raw.orders: order_id
-- ordered_at <- derived raw.orders: ordered_at
-- status <- copied raw.orders: status
-- * <- filter raw.orders: discount, status
