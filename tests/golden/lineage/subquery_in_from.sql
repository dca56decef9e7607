SELECT t.day, t.total FROM (SELECT ordered_at::DATE AS day, sum(amount) AS total FROM raw.orders GROUP BY 1) AS t WHERE t.total > 10

-- edges
-- day <- derived raw.orders: ordered_at
-- total <- derived raw.orders: amount
-- * <- filter raw.orders: amount, ordered_at
