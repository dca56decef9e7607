SELECT status, date_trunc('day', ordered_at) AS day, min(amount) AS low FROM raw.orders GROUP BY 1, day

-- edges
-- day <- derived raw.orders: ordered_at
-- low <- derived raw.orders: amount
-- status <- copied raw.orders: status
-- * <- filter raw.orders: ordered_at, status
