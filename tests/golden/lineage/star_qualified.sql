SELECT r.*, s.city FROM raw.rates AS r JOIN raw.stores AS s ON s.country = r.country

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.rates: country
-- day <- copied raw.rates: day
-- rate <- copied raw.rates: rate
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
