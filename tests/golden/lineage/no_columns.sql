-- How many rows a table has is no column's doing.
SELECT count(*) AS n, 1 AS one FROM raw.orders CROSS JOIN raw.stores

-- edges
