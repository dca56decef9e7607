-- columns: sku, name
SELECT sku, upper(name) AS name FROM 'raw/products.parquet'

-- edges
-- name <- derived file:raw/products.parquet: name
-- sku <- copied file:raw/products.parquet: sku
