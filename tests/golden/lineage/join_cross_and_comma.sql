-- A comma binds weaker than a JOIN: USING merges only what it joins.
SELECT c.name, country, s.city FROM raw.returns AS x, raw.customers AS c JOIN raw.stores AS s USING (country)
WHERE x.order_id = c.customer_id

-- edges
-- city <- copied raw.stores: city
-- country <- copied raw.customers: country
-- name <- copied raw.customers: name
-- * <- filter raw.customers: country, customer_id
-- * <- filter raw.returns: order_id
-- * <- filter raw.stores: country
