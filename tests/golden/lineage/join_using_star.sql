-- A merged column appears once in `*`, and `r.*` has its own.
SELECT *, r.* EXCLUDE (day, rate) RENAME (country AS rated_country) FROM raw.stores AS s LEFT JOIN raw.rates AS r USING (country)

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.stores: country
-- day <- copied raw.rates: day
-- opened <- copied raw.stores: opened
-- rate <- copied raw.rates: rate
-- rated_country <- copied raw.rates: country
-- store_id <- copied raw.stores: store_id
-- * <- filter raw.rates: country
-- * <- filter raw.stores: country
