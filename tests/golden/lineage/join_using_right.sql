-- A RIGHT JOIN takes the bare name from the right.
SELECT country, city, rate FROM raw.stores RIGHT JOIN raw.rates USING (country)

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.rates: country
-- rate <- copied raw.rates: rate
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
