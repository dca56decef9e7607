-- WHERE, GROUP BY and HAVING know aliases too.
SELECT year(ordered_at) AS y, sum(amount) AS total
FROM raw.orders
WHERE y > 2020
GROUP BY y
HAVING total > 100

-- edges
-- total <- derived raw.orders: amount
-- y <- derived raw.orders: ordered_at
-- * <- filter raw.orders: amount, ordered_at
