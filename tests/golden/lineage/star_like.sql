SELECT * LIKE '%_id', * NOT ILIKE '%E%', * SIMILAR TO 's.*' FROM raw.customers

-- edges
-- country <- copied raw.customers: country
-- customer_id <- copied raw.customers: customer_id
-- parent_id <- copied raw.customers: parent_id
-- since <- copied raw.customers: since
