-- A FULL JOIN takes it from whichever has it.
SELECT * EXCLUDE (opened, day) FROM raw.stores FULL JOIN raw.rates USING (country)

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.rates: country
-- country <- copied raw.stores: country
-- rate <- copied raw.rates: rate
-- store_id <- copied raw.stores: store_id
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
