-- GROUP BY means the column, though an alias has its name.
SELECT max(amount) AS status, count(*) AS n FROM raw.orders GROUP BY status

-- edges
-- status <- derived raw.orders: amount
-- * <- filter raw.orders: status
