-- columns: amount, discount
-- A function of the name is not run: the engine's names of the result tell what it picked.
SELECT max(COLUMNS(c -> c LIKE '%unt')) FROM raw.orders

-- edges
-- amount <- derived raw.orders: amount
-- discount <- derived raw.orders: discount
