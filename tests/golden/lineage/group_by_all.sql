SELECT status, year(ordered_at) AS y, avg(amount) AS mean FROM raw.orders GROUP BY ALL

-- edges
-- mean <- derived raw.orders: amount
-- status <- copied raw.orders: status
-- y <- derived raw.orders: ordered_at
-- * <- filter raw.orders: ordered_at, status
