-- What compares rows lets every column decide which appear.
SELECT country FROM raw.stores UNION SELECT country FROM raw.customers

-- edges
-- country <- copied raw.customers: country
-- country <- copied raw.stores: country
-- * <- filter raw.customers: country
-- * <- filter raw.stores: country
