WITH a AS (SELECT * EXCLUDE (opened) FROM raw.stores), b AS (SELECT *, city || country AS place FROM a)
SELECT * EXCLUDE (city, country) FROM b

-- edges
-- place <- derived raw.stores: city, country
-- store_id <- copied raw.stores: store_id
