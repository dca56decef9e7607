-- EXCLUDE with a table's name leaves the other table's column.
SELECT * EXCLUDE (s.country) RENAME (r.country AS land)
FROM raw.stores AS s JOIN raw.rates AS r ON s.country = r.country

-- edges
-- city <- copied raw.stores: city
-- day <- copied raw.rates: day
-- land <- copied raw.rates: country
-- opened <- copied raw.stores: opened
-- rate <- copied raw.rates: rate
-- store_id <- copied raw.stores: store_id
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
