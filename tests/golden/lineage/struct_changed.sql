-- A field that is inserted leaves the others as they are.
SELECT
    struct_insert({'a': amount}, b := status) AS s,
    struct_insert({'a': amount}, b := status).b AS b,
    struct_insert(address, zip := tags[1]).zip AS zip
FROM raw.orders

-- edges
-- b <- copied raw.orders: status
-- s.a <- copied raw.orders: amount
-- s.b <- copied raw.orders: status
-- zip <- derived raw.orders: tags
