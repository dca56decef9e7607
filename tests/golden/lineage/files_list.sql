-- columns: x, y
SELECT * EXCLUDE (note) FROM read_parquet(['a.parquet', 'b.parquet'])

-- edges
-- x <- copied file:a.parquet: x
-- x <- copied file:b.parquet: x
-- y <- copied file:a.parquet: y
-- y <- copied file:b.parquet: y
