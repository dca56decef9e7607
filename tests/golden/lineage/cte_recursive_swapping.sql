-- Values that move from column to column take rounds to come to rest.
WITH RECURSIVE t (a, b, c, n) AS (
    SELECT country, name, since::VARCHAR, 0 FROM raw.customers
    UNION ALL
    SELECT b, c, a, n + 1 FROM t WHERE n < 5
)
SELECT a, n FROM t

-- edges
-- a <- copied raw.customers: country, name
-- a <- derived raw.customers: since
