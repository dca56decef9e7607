SELECT a, b FROM (SELECT city, country FROM raw.stores) AS t (a, b)

-- edges
-- a <- copied raw.stores: city
-- b <- copied raw.stores: country
