SELECT amount > ALL (SELECT amount FROM raw.returns) AS biggest,
    ARRAY(SELECT s.city FROM raw.stores AS s WHERE s.store_id = o.store_id ORDER BY s.opened) AS cities
FROM raw.orders AS o

-- edges
-- biggest <- derived raw.orders: amount
-- biggest <- derived raw.returns: amount
-- cities <- derived raw.orders: store_id
-- cities <- derived raw.stores: city, opened, store_id
