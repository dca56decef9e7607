SELECT j.name, j.country_1, j.since
FROM (raw.customers AS c JOIN raw.stores AS s ON c.country = s.country) AS j

-- edges
-- country_1 <- copied raw.stores: country
-- name <- copied raw.customers: name
-- since <- copied raw.customers: since
-- * <- filter raw.customers: country
-- * <- filter raw.stores: country
