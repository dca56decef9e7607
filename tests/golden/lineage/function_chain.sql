-- A function behind a dot takes what stands before it; a schema before a function is no column.
SELECT
    status.upper().lower() AS word,
    (c.name).trim() AS name,
    main.upper(status) AS loud,
    ({'a': amount, 'b': discount}).b AS part
FROM raw.orders JOIN raw.customers AS c USING (customer_id)

-- edges
-- loud <- derived raw.orders: status
-- name <- derived raw.customers: name
-- part <- copied raw.orders: discount
-- word <- derived raw.orders: status
-- * <- filter raw.customers: customer_id
-- * <- filter raw.orders: customer_id
