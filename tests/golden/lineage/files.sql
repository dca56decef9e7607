-- columns: id, double, city
-- A file is a source of its own; its columns are known by name only.
SELECT f.id, f.price * 2 AS double, s.city
FROM read_csv('raw/sales/*.csv', header = true) AS f JOIN raw.stores AS s USING (store_id)
WHERE f.cancelled IS NULL

-- edges
-- city <- copied raw.stores: city
-- double <- derived file:raw/sales/*.csv: price
-- id <- copied file:raw/sales/*.csv: id
-- * <- filter file:raw/sales/*.csv: cancelled, store_id
-- * <- filter raw.stores: store_id
