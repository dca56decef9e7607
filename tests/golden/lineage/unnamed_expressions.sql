-- The engine names an expression after its text.
SELECT "sum(amount)" AS total, "count_star()" AS n FROM (SELECT sum(amount), count(*) FROM raw.orders)

-- edges
-- total <- derived raw.orders: amount
