-- A column of FROM goes before an alias of the same name.
SELECT -amount AS discount, discount + 1 AS more
FROM raw.orders

-- edges
-- discount <- derived raw.orders: amount
-- more <- derived raw.orders: discount
