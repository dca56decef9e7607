-- ORDER BY means the alias; within an expression it means the column.
SELECT -amount AS discount, status FROM raw.orders ORDER BY discount, length(status) LIMIT 3

-- edges
-- discount <- derived raw.orders: amount
-- status <- copied raw.orders: status
-- * <- filter raw.orders: amount, status
