-- Values come from the left only.
SELECT customer_id, country FROM raw.customers
EXCEPT
(SELECT customer_id, status FROM raw.orders INTERSECT SELECT store_id, city FROM raw.stores)

-- edges
-- country <- copied raw.customers: country
-- customer_id <- copied raw.customers: customer_id
-- * <- filter raw.customers: country, customer_id
-- * <- filter raw.orders: customer_id, status
-- * <- filter raw.stores: city, store_id
