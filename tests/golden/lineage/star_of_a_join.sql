-- Of two columns with one name the second is called `…_1`.
SELECT * FROM (SELECT * FROM raw.stores AS s JOIN raw.rates AS r ON s.country = r.country)

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.stores: country
-- country_1 <- copied raw.rates: country
-- day <- copied raw.rates: day
-- opened <- copied raw.stores: opened
-- rate <- copied raw.rates: rate
-- store_id <- copied raw.stores: store_id
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
