FROM raw.stores UNION BY NAME FROM raw.customers

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.customers: country
-- country <- copied raw.stores: country
-- customer_id <- copied raw.customers: customer_id
-- name <- copied raw.customers: name
-- opened <- copied raw.stores: opened
-- parent_id <- copied raw.customers: parent_id
-- since <- copied raw.customers: since
-- store_id <- copied raw.stores: store_id
-- * <- filter raw.customers: country, customer_id, name, parent_id, since
-- * <- filter raw.stores: city, country, opened, store_id
