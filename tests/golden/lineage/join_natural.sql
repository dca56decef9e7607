SELECT * EXCLUDE (since, opened) FROM raw.customers NATURAL JOIN raw.stores

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.customers: country
-- customer_id <- copied raw.customers: customer_id
-- name <- copied raw.customers: name
-- parent_id <- copied raw.customers: parent_id
-- store_id <- copied raw.stores: store_id
-- * <- filter raw.customers: country
-- * <- filter raw.stores: country
