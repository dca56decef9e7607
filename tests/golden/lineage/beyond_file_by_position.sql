-- columns: order_id, amount
-- Which column of the file meets which of the table cannot be told.
SELECT order_id, amount FROM raw.returns UNION ALL SELECT * FROM read_csv('raw/old/*.csv')

-- edges
-- amount <- copied file:raw/old/*.csv: *
-- amount <- copied raw.returns: amount
-- order_id <- copied file:raw/old/*.csv: *
-- order_id <- copied raw.returns: order_id
