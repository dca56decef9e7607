-- A pattern behind a star is matched with the names of the columns.
SELECT
    * SIMILAR TO 'cust.*',
    o.* GLOB 'ord*',
    * ILIKE 'NAME'
FROM raw.orders AS o JOIN raw.customers AS c USING (customer_id)

-- edges
-- customer_id <- copied raw.orders: customer_id
-- name <- copied raw.customers: name
-- order_id <- copied raw.orders: order_id
-- ordered_at <- copied raw.orders: ordered_at
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id
