SELECT country, s.city, c.name, rate
FROM raw.stores AS s JOIN raw.customers AS c USING (country) LEFT JOIN raw.rates USING (country)

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.stores: country
-- name <- copied raw.customers: name
-- rate <- copied raw.rates: rate
-- * <- filter raw.customers: country
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
