TABLE raw.stores

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.stores: country
-- opened <- copied raw.stores: opened
-- store_id <- copied raw.stores: store_id
